"""Read a whole file before any of it is sent, and report its contents."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from cli.console import literal
from cli.errors import FileRefused
from cli.post_files.causes import likely_cause
from cli.post_files.reading import PostFile, Row, Wanted
from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.contracts.posts import InvalidPost, Post
from stresswatch.task.definition import TASK
from stresswatch.text.wording import counted

LEFT_OUT = frozenset(
    {"text_removed", "text_empty", "text_missing", "text_too_long", "label_awaited"}
)
"""Reasons of rows that are not posts but need no correction."""
_NAMED = 5
_Item = TypeVar("_Item")


@dataclass
class CheckReport:
    """Counts and faults of a file's rows.

    Attributes
    ----------
    reasons : Counter of str
        Invalid rows by the contract's reason.
    first : dict of str to (str, str)
        Position and fault of the first row with each reason.
    named, malformed : list of (str, str)
        The first invalid rows, and those of them that must be corrected.
    dropped : Counter of str
        Unreadable optional fields by name.
    without_weight : int
        Labelled posts with confidence 0.
    numbered : int
        Unlabelled posts whose row number serves as their id.
    meant_as_id : str
        A column that was perhaps meant as the id, if the file has none.
    """

    posts: int = 0
    refused: int = 0
    positive: int = 0
    without_weight: int = 0
    rounded_ids: int = 0
    numbered: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    first: dict[str, tuple[str, str]] = field(default_factory=dict)
    named: list[tuple[str, str]] = field(default_factory=list)
    malformed: list[tuple[str, str]] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    meant_as_id: str = ""

    def add(self, row: Row) -> None:
        if isinstance(row.found, InvalidPost):
            self.refused += 1
            self.reasons[row.found.reason] += 1
            self.first.setdefault(row.found.reason, (row.place, row.found.detail))
            if len(self.named) < _NAMED:
                self.named.append((row.place, row.found.detail))
            if len(self.malformed) < _NAMED and row.found.reason not in LEFT_OUT:
                self.malformed.append((row.place, row.found.detail))
            return
        self.posts += 1
        self.rounded_ids += row.has_rounded_id
        if isinstance(row.found, LabelledPost):
            self.positive += row.found.label
            self.without_weight += row.found.confidence == 0
        else:
            self.numbered += row.is_numbered
        post = row.found if isinstance(row.found, Post) else row.found.post
        if post.dropped:
            self.dropped.update(post.dropped)

    def as_dict(self) -> dict[str, object]:
        return {"posts": self.posts, "refused": self.refused, "reasons": dict(self.reasons)}

    def notes(self) -> Iterator[str]:
        """Return notes about fields and rows that were accepted with changes."""
        if self.meant_as_id:
            yield (
                f"The column {TASK.fields.id} is missing, so row numbers serve as ids, and other "
                f"files have the same ones. If {self.meant_as_id!r} holds the ids, rename it to "
                f"{TASK.fields.id}."
            )
        elif self.numbered:
            yield (
                f"{counted(self.numbered, 'post has', 'posts have')} no {TASK.fields.id}, so row "
                "numbers serve as ids, and other files have the same ones. Labels are matched by "
                f"id and text: add a column {TASK.fields.id} before you label these posts."
            )
        if self.dropped:
            named = ", ".join(f"{name} {count:,}" for name, count in sorted(self.dropped.items()))
            yield f"Optional fields that cannot be read were dropped: {named}."
            if TASK.fields.created_at in self.dropped:
                yield (
                    f"{TASK.fields.created_at} must be an ISO 8601 date, such as "
                    "2026-11-03T10:00:00Z, or seconds or milliseconds since 1970."
                )
        if self.without_weight:
            yield (
                f"{counted(self.without_weight, 'labelled post has', 'labelled posts have')} "
                "confidence 0: they count in evaluation and have no weight in training."
            )
        if self.rounded_ids:
            yield (
                f"{counted(self.rounded_ids, 'id was', 'ids were')} rounded earlier: Excel shows "
                "long numbers like 8.60E+05, and a float has 15 digits. Several posts may "
                "share one. Import the column as text to keep the ids."
            )

    def show(self, console: Console) -> None:
        """Print the invalid rows by reason, and the notes."""
        if self.reasons:
            table = Table()
            for column in ("no post because", "rows", "the first", "what is wrong"):
                table.add_column(column, overflow="fold")
            for reason, rows in self.reasons.most_common():
                table.add_row(reason, f"{rows:,}", *map(literal, self.first[reason]))
            console.print(table)
        for note in self.notes():
            console.print(note, markup=False, highlight=False, soft_wrap=True)


def check(file: PostFile, console: Console) -> CheckReport:
    """Read a whole file; return a report about it.

    Raises
    ------
    FileRefused
        When the file is damaged, its rows do not fit, or no row is a post; for labelled posts, also
        when a row has no valid label.
    """
    report = read_through(file, console)
    refuse(file, report)
    return report


def read_through(file: PostFile, console: Console) -> CheckReport:
    """Read a whole file with any rows."""
    report = CheckReport()
    for row in watched(file.rows(), file, console, "Checking"):
        report.add(row)
    report.meant_as_id = file.meant_as_id
    return report


class CheckedPosts(Collection[LabelledPost]):
    """The labelled posts of a checked file: counted, and read again when needed.

    Raises
    ------
    FileRefused
        When the file is damaged, or one of its rows must be corrected.
    """

    def __init__(self, path: Path, wanted: Wanted, console: Console):
        self._file = PostFile(path, wanted)
        self._console = console
        self.report = check(self._file, console)

    @property
    def is_from_queue(self) -> bool:
        """Return whether the file is an export of the label queue."""
        return self._file.is_from_queue

    def __len__(self) -> int:
        return self.report.posts

    def __iter__(self) -> Iterator[LabelledPost]:
        return watched(self._file.labelled_posts(), self._file, self._console, "Reading")

    def __contains__(self, post: object) -> bool:
        return any(one == post for one in self._file.labelled_posts())


def check_only(path: Path, wanted: Wanted, console: Console, *, as_json: bool) -> None:
    """Print what is in a file; `console` is for what no program reads.

    Raises
    ------
    FileRefused
        When the command would refuse the file.
    """
    report = CheckReport()
    try:
        file = PostFile(path, wanted)
        report = read_through(file, console)
        if not as_json:
            report.show(console)
            console.print(
                f"{path} is {file.content.kind}{', gzipped' if file.content.is_packed else ''}: "
                f"{counted(report.posts, 'row is a post', 'rows are posts')}, "
                f"{counted(report.refused, 'is not', 'are not')}.",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )
        refuse(file, report)
    except FileRefused as error:
        if not report.reasons:
            report = CheckReport(refused=1, reasons=Counter([error.reason]))
        raise
    finally:
        if as_json:
            typer.echo(json.dumps(report.as_dict()))


def watched(items: Iterable[_Item], file: PostFile, console: Console, what: str) -> Iterator[_Item]:
    """Return the rows of a file, and show the progress."""
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with progress:
        task = progress.add_task(what, total=1.0)
        for number, item in enumerate(items):
            if not number % 500:
                progress.update(task, completed=file.share_read)
            yield item


def refuse(file: PostFile, report: CheckReport) -> None:
    """Reject a file without a post, or a file of labelled posts with a faulty row."""
    if not report.posts:
        ((reason, _),) = report.reasons.most_common(1) or (("no_post", 0),)
        what = "labelled post" if file.wanted.is_labelled else "post"
        cause = likely_cause(file, reason, report.named)
        raise FileRefused(reason, f"{file.path} holds no {what}: {cause}")
    if file.wanted.is_labelled and report.malformed:
        count = sum(rows for reason, rows in report.reasons.items() if reason not in LEFT_OUT)
        named = "; ".join(f"{place}: {detail}" for place, detail in report.malformed)
        more = count - len(report.malformed)
        raise FileRefused(
            next(reason for reason in report.reasons if reason not in LEFT_OUT),
            f"{file.path}, {named}{f'; and {more:,} more' if more else ''}. "
            f"{count:,} of {report.posts + report.refused:,} rows "
            f"{'is not a labelled post' if count == 1 else 'are not labelled posts'}: correct or "
            "remove them.",
        )
