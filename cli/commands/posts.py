"""Posts for a stack: `produce`, `seed`."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.console import console
from cli.data import base_data
from cli.deployment.client import DeploymentClient
from cli.deployment.target import find_target
from cli.options import Check, CheckAsJson, File, Local, Stage, only_checked
from cli.post_files import CheckedPosts, PostFile, Wanted
from cli.produce.progress import send_file
from stresswatch.retraining.run_report import remark
from stresswatch.storage.training_sets import contradictions
from stresswatch.task.definition import TASK
from stresswatch.text.wording import counted


def produce(
    file: File,
    on_local: Local = False,
    stage: Stage = "dev",
    rate: Annotated[
        float | None, typer.Option(min=0.1, help="Maximum posts per second.", show_default=False)
    ] = None,
    check: Check = False,
    as_json: CheckAsJson = False,
) -> None:
    """Send the posts of a file to the posts stream: CSV, JSON Lines or Parquet, gzipped or not."""
    if only_checked(file, Wanted.POSTS, check=check, as_json=as_json):
        return
    posts = PostFile(file)
    if send_file(console, find_target(on_local=on_local, stage=stage), posts, rate):
        raise typer.Exit(1)


def seed(
    file: File,
    on_local: Local = False,
    stage: Stage = "dev",
    replace: Annotated[
        bool, typer.Option("--replace", help="Delete all other base data after the upload.")
    ] = False,
    check: Check = False,
    as_json: CheckAsJson = False,
) -> None:
    """Upload labelled posts as base data: any table with a text and a label.

    A set of the same file name is replaced. Other sets stay, and models learn from all of them:
    `stresswatch data list` shows them.
    """
    if only_checked(file, Wanted.BASE_DATA, check=check, as_json=as_json):
        return
    posts = CheckedPosts(file, Wanted.BASE_DATA, console)
    deployment = DeploymentClient(find_target(on_local=on_local, stage=stage))
    before = base_data.stored(deployment)
    address = deployment.seed(posts, base_data.name_of(file))
    console.print(
        f"{counted(len(posts), 'labelled post')}, {posts.report.positive:,} of them "
        f"{TASK.label.name(1)}, {'is' if len(posts) == 1 else 'are'} at {address}",
        markup=False,
        soft_wrap=True,
    )
    posts.report.show(console)
    base_data.settle(console, deployment, address, before, replace=replace)
    if count := contradictions(posts):
        console.print(remark("contradictory_posts", count), soft_wrap=True)
