"""Labels: `queue`, `queue export`, `label`, `annotate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli import labelling
from cli.console import console, stderr
from cli.deployment.client import DeploymentClient
from cli.deployment.target import find_target
from cli.errors import OperatorError
from cli.label_queue import narrowing, waiting
from cli.label_queue.annotate import Session, kept
from cli.label_queue.exports import ExportFormat
from cli.label_queue.exports import export as export_posts
from cli.label_queue.progress import Progress
from cli.options import AsJson, Check, CheckAsJson, File, Local, Stage, require_new
from cli.timestamps import parse_timestamp
from cli.trend import read_recent
from stresswatch.clock import utc_now
from stresswatch.text.wording import counted


def queue(
    context: typer.Context,
    width: Annotated[
        float | None,
        typer.Option(
            min=0.1,
            max=100,
            metavar="POINTS",
            help="Also show the number of labels for a rate interval of this width, in "
            "percentage points.",
            show_default=False,
        ),
    ] = None,
    on_local: Local = False,
    stage: Stage = "dev",
    as_json: AsJson = False,
) -> None:
    """Show the number of sampled posts that wait for a label, by day and community."""
    if context.invoked_subcommand:
        return
    target = find_target(on_local=on_local, stage=stage)
    found = waiting.read_queue(target)
    needed = None
    if width is not None:
        rates = read_recent(target, utc_now().date())
        needed = narrowing.needs(width, rates, found.waiting)
    if as_json:
        interval = {"interval": needed.as_dict()} if needed else {}
        console.print_json(data=waiting.as_dict(found) | interval)
        return
    waiting.show(console, found)
    if needed:
        needed.show(console)


def export(
    format_: Annotated[
        ExportFormat, typer.Option("--format", help="File format.", show_default=False)
    ],
    limit: Annotated[
        int | None, typer.Option(min=1, help="Maximum number of posts.", show_default=False)
    ] = None,
    blind: Annotated[
        bool, typer.Option("--blind", help="Leave out the model's predictions.")
    ] = False,
    start: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="First day (UTC) of the exported posts; by default, all days.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(help="New file; by default, standard output.", show_default=False),
    ] = None,
    on_local: Local = False,
    stage: Stage = "dev",
) -> None:
    """Export a random sample of waiting posts for annotators.

    The file holds the posts' text.
    """
    require_new(output, "--output")
    first = parse_timestamp(start, "--from").date() if start else None
    queued = waiting.read_queue(find_target(on_local=on_local, stage=stage)).waiting
    found = [one for one in queued if not first or one.day >= first.isoformat()][:limit]
    text = export_posts(found, format_, blind=blind)
    if output:
        output.write_text(text, encoding="utf-8", newline="")
        said = f"{counted(len(found), 'post')} written to {output}."
        stderr.print(said, markup=False, highlight=False, soft_wrap=True)
    else:
        typer.echo(text, nl=False)


def label(
    context: typer.Context,
    file: File,
    on_local: Local = False,
    stage: Stage = "dev",
    check: Check = False,
    as_json: CheckAsJson = False,
) -> None:
    """Submit labels for live quality, the rate and retraining.

    Accepts tables with post_id, text and label, completed files from `queue export`, and Label
    Studio's exports (JSON, JSON-MIN and CSV). With several annotators, the majority counts. With
    --check and --local or --stage, the command compares an export with the label queue.
    """
    if as_json and not check:
        raise typer.BadParameter("--json goes with --check")
    if check:
        given = context.get_parameter_source("stage")
        is_compared = on_local or (given is not None and given.name == "COMMANDLINE")
        target = find_target(on_local=on_local, stage=stage) if is_compared else None
        labelling.check(stderr if as_json else console, file, target, as_json=as_json)
        return
    deployment = DeploymentClient(find_target(on_local=on_local, stage=stage))
    labelling.submit(console, deployment, file)


def annotate(
    on_local: Local = False,
    stage: Stage = "dev",
    progress: Annotated[
        Path, typer.Option(help="File for answers until you submit them; it holds no text.")
    ] = Path("annotations.jsonl"),
) -> None:
    """Label posts in the terminal, one key per post; you can quit and resume."""
    answers = Progress(progress)
    target = find_target(on_local=on_local, stage=stage)
    found = waiting.read_queue(target).waiting
    session = Session(console, found, answers, _read_key, utc_now)
    if not found:
        console.print("No post waits for a label.")
        return
    try:
        session.run()
    except (KeyboardInterrupt, EOFError):
        console.print(f"\n{kept(answers)}", soft_wrap=True)
        raise typer.Exit(130) from None
    labels = session.labels()
    if labels:
        DeploymentClient(target).label(labels)
    answers.remove({queued.prediction_id for queued in found})
    console.print(f"{counted(len(labels), 'label')} submitted.")


def _read_key() -> str:
    """Wait for a key of the terminal, and return it.

    Raises
    ------
    OperatorError
        Without a terminal.
    """
    try:
        return typer.getchar()
    except OSError as error:
        raise OperatorError(
            "`stresswatch annotate` reads single keys, and there is no terminal here. Run it in "
            "one, or export the posts with `stresswatch queue export`."
        ) from error
