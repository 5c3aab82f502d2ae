"""Records that are sent again, and posts that are removed: `replay`, `forget`."""

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
        list[str] | None, typer.Option(help="Only what is there for this reason; repeatable.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Only what the posts stream took from this moment on,")
    ] = None,
    until: Annotated[str | None, typer.Option(help="and before this one.")] = None,
    execute: Annotated[bool, typer.Option("--execute", help="Send, not only count.")] = False,
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
    execute: Annotated[bool, typer.Option("--execute", help="Remove, not only count.")] = False,
) -> None:
    """Remove posts and their predictions from all that is kept; first tell how many there are."""
    forget_posts(console, find_target(on_local=on_local, stage=stage), post_ids, execute=execute)
