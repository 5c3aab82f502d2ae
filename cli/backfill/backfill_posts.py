"""`stresswatch backfill`: score posts with a model version, write predictions and a summary."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from cli.backfill.outputs import output_at
from cli.backfill.scoring import Summary, load_version, score
from cli.backfill.sources import StreamRange, records_of_file
from cli.console import literal
from cli.deployment.target import Target
from cli.errors import OperatorError
from cli.post_files import CheckReport, PostFile, check
from cli.timestamps import parse_timestamp, utc_now
from stresswatch.aws import stack_outputs
from stresswatch.contracts.predictions import Record
from stresswatch.task.definition import TASK
from stresswatch.text.wording import counted

Range = tuple[datetime, datetime]
Source = Path | Range


def source_of(
    file: Path | None, start: str | None, end: str | None, now: Callable[[], datetime] = utc_now
) -> Source:
    """Choose the source of posts: a file, or a time range in the past.

    Raises
    ------
    OperatorError
        When neither, both, or only one end of the range is given.
    """
    if file and (start is None and end is None):
        return file
    if file or start is None or end is None:
        raise OperatorError("Give either a file, or both --from and --to.")
    span = parse_timestamp(start, "--from"), parse_timestamp(end, "--to")
    if span[0] >= span[1]:
        raise OperatorError("--from must be before --to.")
    if span[1] > now():
        raise OperatorError("--to is in the future: posts may still arrive; wait, or give now.")
    return span


def backfill(
    console: Console,
    target: Target,
    version: str,
    source: Source,
    out: str,
    sleep: Callable[[float], None] = time.sleep,
    now: Callable[[], datetime] = utc_now,
) -> None:
    """Score the posts with the version, write the predictions, and print a summary.

    Raises
    ------
    OperatorError
        When the version or a post cannot be read, the output exists already, or no record is a
        post.
    """
    output = output_at(target, out)
    model = load_version(target, version)
    summary = Summary(version)
    report = CheckReport()
    if isinstance(source, Path):
        file = PostFile(source)
        report = check(file, console)
        records = records_of_file(file)
    else:
        records = _records(console, target, source, sleep, now())
    with output, _progress(console) as progress:
        task = progress.add_task("Scoring", total=report.posts + report.refused or None)
        for scored in score(records, model):
            output.write([prediction.archive_line() for prediction in scored.predictions])
            summary.add(scored)
            progress.update(task, completed=summary.posts + summary.invalid.total())
        output.finish(summary.as_dict())
    _tell(console, summary, out)
    for note in report.notes():
        console.print(note, markup=False, highlight=False, soft_wrap=True)
    if summary.invalid and not summary.posts:
        raise OperatorError("None of these records is a post.")


def _records(
    console: Console,
    target: Target,
    source: Range,
    sleep: Callable[[float], None],
    now: datetime,
) -> Iterator[Record]:
    start, end = source
    kinesis, stream = target.client("kinesis"), target.output(stack_outputs.POSTS_STREAM)
    summary = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
    kept_from = now - timedelta(hours=summary["RetentionPeriodHours"])
    if start < kept_from:
        console.print(
            f"The stream keeps posts for {summary['RetentionPeriodHours']} h: "
            f"those before {kept_from:%Y-%m-%d %H:%M} UTC are expired.",
            style="yellow",
        )
    return StreamRange(kinesis, summary["StreamARN"], start, end, sleep).records()


def _progress(console: Console) -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}, {task.completed:,.0f} records"),
        BarColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _tell(console: Console, summary: Summary, out: str) -> None:
    if summary.invalid:
        table = Table()
        for column in ("invalid because", "records", "the first"):
            table.add_column(column, overflow="fold")
        for reason, records in summary.invalid.most_common():
            table.add_row(reason, f"{records:,}", literal(summary.first[reason]))
        console.print(table)
    console.print(
        f"{counted(summary.posts, 'post')} scored by {summary.model_version}, "
        f"{summary.positive:,} of them {TASK.label.name(1)}; invalid: {summary.invalid.total():,}. "
        f"The predictions are in {out}.",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
