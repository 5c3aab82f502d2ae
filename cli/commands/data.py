"""Labelled posts to learn from: `data list`, `suspicious`, `fetch`, `synthesize`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.console import console, stderr
from cli.data import data_directory, fetching, synthetic_files
from cli.data.listing import Listing
from cli.data.suspicious import SuspiciousLabels
from cli.deployment.client import DeploymentClient
from cli.deployment.target import find_target
from cli.options import AsJson, Local, Stage, require_new
from stresswatch.text.wording import counted


def list_data(
    on_local: Local = False,
    stage: Stage = "dev",
    newest: Annotated[int, typer.Option(min=1, help="How many training sets.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List base data, labels, and what each training set is made of."""
    deployment = DeploymentClient(find_target(on_local=on_local, stage=stage))
    with stderr.status("Reading"):
        listing = Listing.of(deployment, newest)
    if as_json:
        console.print_json(data=listing.as_dict())
    else:
        listing.show(console)


def suspicious(
    version: Annotated[
        str | None, typer.Argument(help="A model version; by default the champion.")
    ] = None,
    on_local: Local = False,
    stage: Stage = "dev",
    most: Annotated[int, typer.Option(min=1, help="How many to print.")] = 20,
    output: Annotated[
        Path | None,
        typer.Option(help="A new file for the posts, texts included.", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List labels that look wrong to models that did not learn from the post.

    Look at them in `--output FILE`, correct `label` where it is wrong, and send the file back with
    `stresswatch label FILE`. Nothing is left out of training by itself.
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
        str, typer.Option("--from", help="A zip or CSV: a file or an address.")
    ] = fetching.ADDRESS,
    directory: Annotated[
        Path | None, typer.Option("--to", help="The folder to fetch to.", show_default=False)
    ] = None,
) -> None:
    """Fetch Dreaddit, real labelled posts, from its authors' page or a file, and check it."""
    directory = directory or data_directory()
    for name, split in fetching.fetch(source, directory).items():
        console.print(f"{directory / name}: {split}", markup=False, soft_wrap=True)


def synthesize_posts(
    train: Annotated[
        Path, typer.Argument(help="The file of posts to learn from.", show_default=False)
    ],
    stream: Annotated[
        Path | None,
        typer.Argument(help="Another file, of other posts to stream.", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the random numbers.")] = 7,
) -> None:
    """Write synthetic labelled posts as JSON Lines: a training file, and a stream file.

    The two share no post id and no text: `seed` the first, `produce` and `label` the second.
    """
    for file, posts in synthetic_files.write(train, stream, seed).items():
        console.print(f"{file}: {counted(posts, 'post')}", markup=False, soft_wrap=True)
