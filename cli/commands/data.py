"""Labelled posts for training: `data list`, `suspicious`, `fetch`, `synthesize`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.console import console, stderr
from cli.data import data_directory, synthetic_files
from cli.data.listing import Listing
from cli.data.stress import fetching
from cli.data.stress.dreaddit import TEST_FILE, TRAIN_FILE
from cli.data.suspicious import SuspiciousLabels
from cli.deployment.client import DeploymentClient
from cli.deployment.target import find_target
from cli.options import AsJson, Local, Stage, require_new
from stresswatch.text.wording import counted


def list_data(
    on_local: Local = False,
    stage: Stage = "dev",
    newest: Annotated[int, typer.Option(min=1, help="Number of training sets.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List base data, labels, and the origin of each training set."""
    deployment = DeploymentClient(find_target(on_local=on_local, stage=stage))
    with stderr.status("Reading"):
        listing = Listing.of(deployment, newest)
    if as_json:
        console.print_json(data=listing.as_dict())
    else:
        listing.show(console)


def suspicious(
    version: Annotated[
        str | None, typer.Argument(help="Model version; by default, the champion.")
    ] = None,
    on_local: Local = False,
    stage: Stage = "dev",
    most: Annotated[int, typer.Option(min=1, help="Number of labels to print.")] = 20,
    output: Annotated[
        Path | None,
        typer.Option(help="Write the posts with their texts to a new file.", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List labels that are probably wrong, by cross-validated predictions.

    Review them in `--output FILE`, correct `label`, and submit the file with `stresswatch label
    FILE`. Training keeps all labels until you do.
    """
    require_new(output, "--output")
    deployment = DeploymentClient(find_target(on_local=on_local, stage=stage))
    with stderr.status("Reading"):
        found = SuspiciousLabels.of(deployment, version)
    if output:
        found.write(output)
    if as_json:
        console.print_json(data=found.as_dict())
    else:
        found.show(console, most)


def fetch(
    source: Annotated[
        str,
        typer.Option(
            "--from", help="Zip or CSV file, or its URL.", show_default="the authors' page"
        ),
    ] = fetching.ADDRESS,
    directory: Annotated[
        Path | None, typer.Option("--to", help="Target folder.", show_default=False)
    ] = None,
) -> None:
    """Download Dreaddit, a public data set of labelled posts, or read it from a file.

    `make demo` uses it if it is in `data/dreaddit`, or in the folder of STRESSWATCH_DATA_DIR.
    """
    directory = directory or data_directory()
    fetched = fetching.fetch(source, directory)
    for name, split in fetched.items():
        console.print(f"{directory / name}: {split}", markup=False, soft_wrap=True)
    train, stream = (
        directory / name if name in fetched else None for name in (TRAIN_FILE, TEST_FILE)
    )
    _say_next(train, stream)


def synthesize_posts(
    train: Annotated[
        Path, typer.Argument(help="File with posts for training.", show_default=False)
    ],
    stream: Annotated[
        Path | None,
        typer.Argument(help="File with other posts for the stream.", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Random seed.")] = 7,
) -> None:
    """Write two JSON Lines files of synthetic labelled posts.

    The files share no post: `seed` the first, `produce` and `label` the second.
    """
    for file, posts in synthetic_files.write(train, stream, seed).items():
        console.print(f"{file}: {counted(posts, 'post')}", markup=False, soft_wrap=True)
    _say_next(train, stream)


_TRAIN = "stresswatch retrain --local --wait"


def _say_next(train: Path | None, stream: Path | None) -> None:
    """Name the commands that take the files."""
    lines = [f"stresswatch seed --local {train}", _TRAIN] if train else []
    if stream:
        lines += [f"stresswatch {name} --local {stream}" for name in ("produce", "label")]
    said = "\n  ".join(["Next, on a running stack:", *lines])
    console.print(said, markup=False, highlight=False, soft_wrap=True)
