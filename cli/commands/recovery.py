"""Replay of records and deletion of posts: `replay`, `forget`."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.console import console
from cli.deployment.target import find_target
from cli.forget.forget_posts import forget as forget_posts
from cli.options import Local, Stage
from cli.replay.replay_records import replay as replay_records
from cli.replay.replay_records import selection_of


def replay(
    on_local: Local = False,
    stage: Stage = "dev",
    reason: Annotated[
        list[str] | None, typer.Option(help="Only records with this reason; repeat it for more.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Start of the arrival times to replay (ISO 8601).")
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="End of the time range, exclusive (ISO 8601).")
    ] = None,
    execute: Annotated[
        bool, typer.Option("--execute", help="Send the records; without this, only count them.")
    ] = False,
) -> None:
    """Send quarantined records and failed batches to the predictor again, after a fix."""
    selection = selection_of(reason or [], since, until)
    target = find_target(on_local=on_local, stage=stage)
    left = replay_records(console, target, selection, execute=execute)
    if execute and left:
        raise typer.Exit(1)


def forget(
    post_ids: Annotated[
        list[str], typer.Argument(metavar="POST_ID", help="Ids of posts.", show_default=False)
    ],
    on_local: Local = False,
    stage: Stage = "dev",
    execute: Annotated[bool, typer.Option("--execute", help="Delete them.")] = False,
) -> None:
    """Delete posts and their predictions everywhere; without --execute, only count them."""
    forget_posts(console, find_target(on_local=on_local, stage=stage), post_ids, execute=execute)
