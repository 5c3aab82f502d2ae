"""The command `stresswatch`, for operators: on AWS, and with ``--local`` on the local stack."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from importlib.metadata import version
from typing import Annotated, Any

import typer

from cli.bad_values import Command, Group
from cli.commands import (
    data,
    labelling,
    local_stack,
    models,
    operations,
    posts,
    rates,
    recovery,
    scoring,
    tasks,
)
from cli.console import console, errors_in_a_sentence
from cli.program import DEFAULT_STAGE, hints_for
from stresswatch.task.definition import TASK

app = typer.Typer(
    cls=Group,
    help=f"{TASK.title}: real-time serving, monitoring and gated retraining.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
data_app = typer.Typer(help="Labelled posts for training.", no_args_is_help=True)
app.add_typer(data_app, name="data")
task_app = typer.Typer(
    help="The task definition: features, label and wording.", no_args_is_help=True
)
app.add_typer(task_app, name="task")
queue_app = typer.Typer(
    cls=Group, help="Sampled posts that wait for a label.", invoke_without_command=True
)
app.add_typer(queue_app, name="queue")


def _version(asked: bool) -> None:
    if asked:
        console.print(version("stresswatch"))
        raise typer.Exit


@app.callback()
def main(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Take the options of the command itself."""


# In the order in which `--help` lists them.
COMMANDS: tuple[Callable[..., None], ...] = (
    local_stack.demo,
    local_stack.up,
    local_stack.down,
    local_stack.reset,
    posts.produce,
    operations.smoke,
    operations.deployed,
    operations.cost,
    operations.status,
    operations.measure,
    rates.trend,
    operations.dashboard,
    operations.api,
    posts.seed,
    labelling.label,
    labelling.annotate,
    models.retrain,
    recovery.forget,
    models.versions,
    models.rollback,
    models.approve,
    models.reject,
    scoring.backfill,
    scoring.score,
    recovery.replay,
    operations.destroy,
)
DATA_COMMANDS: dict[str, Callable[..., None]] = {
    "list": data.list_data,
    "suspicious": data.suspicious,
    "fetch": data.fetch,
    "synthesize": data.synthesize_posts,
}
TASK_COMMANDS: dict[str, Callable[..., None]] = {"init": tasks.init, "check": tasks.check}
QUEUE_COMMANDS: dict[str, Callable[..., None]] = {"export": labelling.export}
WITH_TARGET = {
    name
    for name, command in {
        **{command.__name__: command for command in (*COMMANDS, labelling.queue)},
        **{f"data {name}": command for name, command in DATA_COMMANDS.items()},
        **{f"queue {name}": command for name, command in QUEUE_COMMANDS.items()},
    }.items()
    if {"on_local", "stage"} <= inspect.signature(command).parameters.keys()
}
"""The commands whose hints carry the options of the target."""


def _help_of(command: Callable[..., None]) -> str:
    """Return a docstring whose paragraphs are one line each, for terminals of any width."""
    paragraphs = inspect.cleandoc(command.__doc__ or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _run(command: Callable[..., None]) -> Callable[..., None]:
    """Run a command with hints for its target, and its errors in a sentence."""

    @wraps(command)
    def run(**given: Any) -> None:
        on_local, stage = given.get("on_local", False), given.get("stage", DEFAULT_STAGE)
        with hints_for(WITH_TARGET, on_local=on_local, stage=stage), errors_in_a_sentence():
            command(**given)

    return run


def _add(group: typer.Typer, command: Callable[..., None], name: str | None = None) -> None:
    group.command(name, cls=Command, help=_help_of(command))(_run(command))


for command in COMMANDS:
    _add(app, command)
for name, command in DATA_COMMANDS.items():
    _add(data_app, command, name)
for name, command in TASK_COMMANDS.items():
    _add(task_app, command, name)
queue_app.callback()(_run(labelling.queue))
for name, command in QUEUE_COMMANDS.items():
    _add(queue_app, command, name)
