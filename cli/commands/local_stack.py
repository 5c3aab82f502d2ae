"""The local stack and its demo: `demo`, `up`, `down`, `reset`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

import local
from cli.console import console, literal
from cli.deployment.kept_settings import SETTINGS_FILE, KeptSettings, Settings
from cli.deployment.synthesis import settings_of, synthesize
from cli.deployment.target import (
    APP_DIRECTORY,
    LOCAL_DIRECTORY,
    is_older_task,
    local_tracking_uri,
)
from cli.errors import OperatorError
from cli.options import Yes
from cli.reset import reset as reset_local

_NEXT_STEPS = """Next steps:
  stresswatch seed --local FILE       upload labelled posts
  stresswatch retrain --local --wait  train and promote a model
  stresswatch produce --local FILE    stream posts
  stresswatch label --local FILE      label streamed posts
  stresswatch measure --local         measure drift, quality and rate
  stresswatch status --local          show the stack's state
  stresswatch up --outputs            list the resources' names
Without files of your own:
  stresswatch data synthesize train.jsonl stream.jsonl"""


def demo(
    output: Annotated[Path, typer.Option(help="Folder for its files.")] = Path("build/demo"),
) -> None:
    """Run the whole loop once on this machine, and write a report."""
    # Imported here: the plotting library is slow to import, and no other command needs it.
    from cli.demo.play import play_demo

    play_demo(console, output)


def up(
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="GROUP.NAME=VALUE",
            help="A setting that differs from stage dev's; repeat it for more.",
            show_default=False,
        ),
    ] = None,
    outputs: Annotated[bool, typer.Option("--outputs", help="List the stack's outputs.")] = False,
) -> None:
    """Start the local stack, with the settings from earlier starts in this folder."""
    changed = settings_of(settings or ())
    stack = local.running(LOCAL_DIRECTORY)
    if stack and changed:
        raise OperatorError(
            "A local stack is already running, so these settings were neither checked nor applied: "
            f"{', '.join(settings or ())}. Run `stresswatch down`, and then this command again; "
            "the data stay."
        )
    if stack and is_older_task(stack.outputs):
        raise OperatorError(
            "A local stack with an earlier version of the task file is running. Run `stresswatch "
            "down`, and then this command again; the data stay."
        )
    stack = stack or _start(changed)
    console.print(f"{stack.stack_name} runs at {stack.endpoint}.", soft_wrap=True)
    if not outputs:
        console.print(_NEXT_STEPS, soft_wrap=True)
        return
    table = Table("output", title="Outputs", title_justify="left")
    table.add_column("value", overflow="fold")
    for name, value in sorted(stack.outputs.items()):
        table.add_row(name, literal(value))
    console.print(table)


def _start(changed: Settings) -> local.LocalStack:
    kept = KeptSettings(LOCAL_DIRECTORY)
    if kept.values:
        said = f"Settings of an earlier `up`, in {LOCAL_DIRECTORY / SETTINGS_FILE}: {kept}."
        console.print(said, markup=False, highlight=False, soft_wrap=True)
    kept.change(changed)
    with console.status("Synthesising") as shown:
        template = synthesize(APP_DIRECTORY, changed=kept.values)
        kept.write()
        return local.up(
            LOCAL_DIRECTORY,
            template_directory=template,
            on_progress=shown.update,
            tracking_uri=local_tracking_uri(),
        )


def down() -> None:
    """Stop the local stack."""
    if local.down(LOCAL_DIRECTORY):
        said = "Stopped. `stresswatch up` continues with its data; `reset --local` deletes them."
    else:
        said = f"No local stack was running in {LOCAL_DIRECTORY.resolve()}."
    console.print(said, markup=False, soft_wrap=True)


def reset(
    on_local: Annotated[
        bool, typer.Option("--local", help="Required: it deletes only the local stack's data.")
    ] = False,
    yes: Yes = False,
) -> None:
    """Stop the local stack and delete its data."""
    if not on_local:
        raise OperatorError(
            "`reset` deletes the local stack's state: add --local. For a stage on AWS: "
            "`stresswatch destroy`."
        )
    reset_local(console, lambda ask: yes or typer.confirm(ask, abort=True))
