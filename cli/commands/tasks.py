"""The task: `task init` writes a definition, `task check` checks data against it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from cli.console import console, stderr
from cli.options import AsJson, require_new
from cli.task.checking import Fit
from cli.task.guessing import guess
from cli.task.sample import read_columns
from cli.task.writing import definition
from stresswatch.task.reading import TASK_VARIABLE, parse_task
from stresswatch.text.wording import counted

_File = Annotated[Path, typer.Argument(help="Labelled posts: CSV, JSON Lines or Parquet.")]


def init(
    file: _File,
    output: Annotated[Path, typer.Option(help="A new file for the task.")] = Path("task.toml"),
    name: Annotated[
        str | None, typer.Option(help="The task's name; by default the file's.", show_default=False)
    ] = None,
    text: Annotated[str | None, typer.Option(help="Column with the text.")] = None,
    label: Annotated[str | None, typer.Option(help="Column with the label.")] = None,
    positive: Annotated[str | None, typer.Option(help="Label value of the positive class.")] = None,
    id_: Annotated[str | None, typer.Option("--id", help="Column with post ids.")] = None,
    source: Annotated[str | None, typer.Option(help="Column with communities or groups.")] = None,
    created_at: Annotated[str | None, typer.Option(help="Column with timestamps.")] = None,
    noun: Annotated[
        str | None, typer.Option(help="Noun for the positive class, such as helpfulness.")
    ] = None,
    language: Annotated[str, typer.Option(help="Language of the texts, as a BCP 47 tag.")] = "en",
) -> None:
    """Write a task definition from a sample of labelled data.

    It prints its guesses. Review the file and complete its wording. `STRESSWATCH_TASK=FILE` selects
    the task.
    """
    require_new(output, "--output")
    given = {
        "text": text,
        "label": label,
        "id": id_,
        "source": source,
        "created_at": created_at,
    }
    guessed = guess(read_columns(file), given, positive)
    stem = re.sub(r"[^a-z0-9]+", "-", file.name.partition(".")[0].lower())
    stem = stem.lstrip("-0123456789")[:32].strip("-") or "task"
    content = definition(guessed, name or stem, noun, language)
    output.write_text(content, encoding="utf-8")
    for note in guessed.notes:
        console.print(note, markup=False, highlight=False, soft_wrap=True)
    found = parse_task(content).label
    console.print(
        f"Guesses: {found.name(1)} is positive and {found.name(0)} negative (--positive), the "
        f"noun is {found.noun} (--noun), and the language {language} (--language).",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    console.print(
        f"{output} defines the task with {counted(len(guessed.features), 'numeric feature')}. "
        f"Complete its wording, then: {TASK_VARIABLE}={output} stresswatch task check {file}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def check(file: _File, as_json: AsJson = False) -> None:
    """Report how labelled data fits the task: columns, ranges and classes.

    Values outside a plausible range are reported and accepted.
    """
    fit = Fit.of(file, stderr)
    if as_json:
        console.print_json(data=fit.as_dict())
    else:
        fit.show(console)
