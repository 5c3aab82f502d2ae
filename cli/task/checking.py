"""Report how labelled data fits the task."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from cli.console import literal
from cli.post_files import PostFile, Wanted, refuse, watched
from cli.post_files.checking import CheckReport
from cli.post_files.columns import ignored
from cli.task.sample import read_columns
from cli.task.writing import unwritten
from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.contracts.posts import NUMERIC_FEATURES
from stresswatch.task.definition import TASK
from stresswatch.task.sections import NumericFeature
from stresswatch.text.wording import counted

FEWEST_OF_A_CLASS = 50
"""Minimum posts of each class: with fewer, a model's metrics are mostly noise."""


@dataclass
class Found:
    """Statistics of a numeric feature in labelled posts.

    Attributes
    ----------
    values : int
        Number of posts with a value.
    outside : int
        Number of values outside the plausible range.
    """

    feature: NumericFeature
    values: int = 0
    outside: int = 0
    lowest: float = math.inf
    highest: float = -math.inf

    def add(self, value: float) -> None:
        if math.isnan(value):
            return
        self.values += 1
        self.lowest, self.highest = min(self.lowest, value), max(self.highest, value)
        low, high = self.feature.minimum, self.feature.maximum
        self.outside += (low is not None and value < low) or (high is not None and value > high)

    @property
    def problem(self) -> str:
        if not self.values:
            return "no post has it: the model cannot learn from it"
        if self.lowest == self.highest:
            return "it has one value: the model cannot learn from it"
        return "outside the plausible range" if self.outside else ""


@dataclass
class Fit:
    """The fit of a file to the task.

    Attributes
    ----------
    unknown : list of str
        Columns that the task does not name.
    """

    report: CheckReport
    unknown: list[str]
    found: list[Found] = field(default_factory=list)

    @staticmethod
    def of(path: Path, console: Console) -> Fit:
        """Read a file of labelled posts to its end.

        Raises
        ------
        FileRefused
            When it has no labelled post, or lacks a required column.
        """
        file = PostFile(path, Wanted.BASE_DATA)
        unknown = ignored([column.name for column in read_columns(path)])
        fit = Fit(CheckReport(), unknown, [Found(one) for one in TASK.numeric_features])
        for row in watched(file.rows(), file, console, "Checking"):
            fit.report.add(row)
            if isinstance(row.found, LabelledPost):
                for found, value in zip(fit.found, row.found.post.numbers, strict=True):
                    found.add(value)
        refuse(file, fit.report)
        return fit

    def problems(self) -> list[str]:
        """Return deviations from the task in sentences; all of them are accepted."""
        posts, positive = self.report.posts, self.report.positive
        said = [f"{one.feature.name}: {one.problem}." for one in self.found if one.problem]
        if parts := unwritten():
            said.append(f"The wording still has the template's text: {', '.join(parts)}.")
        if self.unknown:
            said.append(f"Not in the task, and ignored: {', '.join(self.unknown)}.")
        for label, count in ((1, positive), (0, posts - positive)):
            if count < FEWEST_OF_A_CLASS:
                said.append(
                    f"Only {counted(count, 'post is', 'posts are')} {TASK.label.name(label)}; "
                    f"{FEWEST_OF_A_CLASS} or more of each class are needed."
                )
        return said

    def as_dict(self) -> dict[str, Any]:
        """Return the fit for JSON."""
        return self.report.as_dict() | {
            "task": TASK.identity,
            "positive": self.report.positive,
            "unknown": self.unknown,
            "features": {
                one.feature.name: {"values": one.values, "outside": one.outside}
                for one in self.found
            },
            "problems": [*self.problems(), *self.report.notes()],
        }

    def show(self, console: Console) -> None:
        """Print the classes, the features, and deviations."""
        posts, positive = self.report.posts, self.report.positive
        console.print(
            f"{counted(posts, 'labelled post')} for the task {TASK.name}: {positive:,} "
            f"{TASK.label.name(1)} ({positive / posts:.0%}), {posts - positive:,} "
            f"{TASK.label.name(0)}.",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
        if NUMERIC_FEATURES:
            table = Table()
            for name in ("feature", "plausible", "found", "posts", "outside"):
                table.add_column(name, overflow="fold")
            for one in self.found:
                span = f"{one.lowest:g} to {one.highest:g}" if one.values else "-"
                table.add_row(
                    literal(one.feature.name),
                    literal(one.feature.range),
                    span,
                    f"{one.values / posts:.0%}",
                    f"{one.outside:,}",
                )
            console.print(table)
        self.report.show(console)
        for problem in self.problems():
            console.print(problem, markup=False, highlight=False, soft_wrap=True)
