"""Scoring files of posts: `backfill`, `score`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.backfill.backfill_posts import backfill as backfill_posts
from cli.backfill.backfill_posts import source_of
from cli.console import console
from cli.deployment.target import find_target
from cli.options import Check, CheckAsJson, Local, Stage, named, only_checked
from cli.post_files import Wanted
from cli.score.scoring_job import score as score_posts


def backfill(
    version: Annotated[
        str | None, typer.Option(help="The model version to score with.", show_default=False)
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(help="A new file, or a prefix in S3 (s3://...).", show_default=False),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Argument(help="A file of posts.", show_default=False, callback=named),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="Start of a time range on the posts stream (ISO 8601), instead of a file.",
        ),
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", help="End of the time range, exclusive (ISO 8601).")
    ] = None,
    on_local: Local = False,
    stage: Stage = "dev",
    check: Check = False,
    as_json: CheckAsJson = False,
) -> None:
    """Score historical posts with one model version, apart from live data."""
    if only_checked(file, Wanted.POSTS, check=check, as_json=as_json):
        return
    if version is None or out is None:
        raise typer.BadParameter("give --version and --out; --check alone needs neither")
    source = source_of(file, start, end)
    target = find_target(on_local=on_local, stage=stage)
    backfill_posts(console, target, version, source, out)


# Typer reads options from a command's signature, so commands repeat shared options.
def score(
    file: Annotated[
        str,
        typer.Argument(
            help="A file of posts, or s3://...",
            show_default=False,
            callback=named,
        ),
    ],
    version: Annotated[
        str | None, typer.Option(help="Model version; by default, the champion.")
    ] = None,
    on_local: Local = False,
    stage: Stage = "dev",
    check: Check = False,
    as_json: CheckAsJson = False,
) -> None:
    """Score a file of any size in parallel chunks; results are stored beside it."""
    if only_checked(file, Wanted.POSTS, check=check, as_json=as_json):
        return
    score_posts(console, find_target(on_local=on_local, stage=stage), file, version)
