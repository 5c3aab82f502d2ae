"""The output of `stresswatch replay`: progress, found records and results."""

from __future__ import annotations

from collections import Counter

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from cli.console import literal
from cli.errors import UnreadableObject
from cli.replay.claims import LEASE, Settlement
from cli.replay.held_objects import FAILED_BATCHES, HeldObject
from stresswatch.text.wording import counted

Kind = tuple[str, str]
"""The name of a place, and the reason of a record there."""


class Replaying:
    """Show the progress, and at the end tables and sentences.

    They are also printed after an interruption or failure: finished records stay finished.
    """

    def __init__(self, console: Console, reasons: frozenset[str], *, execute: bool):
        self._console = console
        self._asked = reasons
        self._execute = execute
        self._reasons: set[str] = set()
        self._found: Counter[Kind] = Counter()
        self._valid: Counter[Kind] = Counter()
        self._done: Counter[Kind] = Counter()
        self._rejected: Counter[str] = Counter()
        self._crashes: Counter[str] = Counter()
        self._elsewhere = 0
        self._unreadable: list[str] = []
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("Looking", total=None)

    @property
    def left(self) -> int:
        """Number of found records that are unfinished."""
        return self._found.total() - self._done.total()

    def __enter__(self) -> Replaying:
        self._progress.start()
        return self

    def saw(self, held_object: HeldObject) -> None:
        """Remember a reason, for the message about unknown reasons."""
        self._reasons.add(held_object.reason)

    def unreadable(self, error: UnreadableObject) -> None:
        self._unreadable.append(str(error))

    def found(self, held_object: HeldObject) -> None:
        """Count an object to replay."""
        self._found[_kind(held_object)] += len(held_object.records)
        if not self._execute:
            self._valid[_kind(held_object)] += held_object.valid_records()
        self._describe()

    def elsewhere(self, held_object: HeldObject) -> None:
        """Count an object in another replay."""
        self._elsewhere += len(held_object.records)

    def crashed(self, crash: str) -> None:
        """Count a record on which the predictor failed."""
        self._crashes[crash] += 1

    def settled(self, held_object: HeldObject, settlement: Settlement) -> None:
        """Count the results for an object."""
        self._done[_kind(held_object)] += settlement.done
        self._rejected += settlement.rejected
        self._describe()

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
        if self._found:
            self._console.print(self._table())
        for sentence in self._sentences():
            self._console.print(sentence, markup=False, highlight=False)

    def _describe(self) -> None:
        found, done = (
            f"{counted(self._found.total(), 'record')} found",
            f"{self._done.total():,} done",
        )
        description = f"{found}, {done}" if self._execute else found
        self._progress.update(self._task, description=description)

    def _table(self) -> Table:
        columns = {"records": self._found}
        if self._execute:
            left = self._found.copy()
            left.subtract(self._done)
            columns |= {"done": self._done, "left": left}
        else:
            columns |= {"valid now": self._valid}
        table = Table()
        for name in ("place", "reason"):
            table.add_column(name, overflow="fold")
        for name in columns:
            table.add_column(name, justify="right")
        for place, reason in sorted(self._found):
            counts = [f"{count[place, reason]:,}" for count in columns.values()]
            table.add_row(place, literal(reason), *counts)
        return table

    def _sentences(self) -> list[str]:
        said = []
        if not self._found:
            said.append("There is nothing to replay.")
        if (unknown := self._asked - self._reasons) and self._reasons:
            said.append(
                f"No records have the reason {_listed(map(repr, unknown))}; "
                f"the reasons found are {_listed(self._reasons)}."
            )
        if self._unreadable:
            said.append(
                counted(
                    len(self._unreadable),
                    "object cannot be read and stays",
                    "objects cannot be read and stay",
                )
                + f", such as {self._unreadable[0]}."
            )
        if not self._execute and self._found:
            said.append(
                "Nothing was sent yet; to send the records, add --execute. 'valid now' refers "
                "to this version's contract; the deployed version decides."
            )
        if self._rejected:
            said.append(f"Rejected again, and in quarantine: {_counted(self._rejected)}.")
        if self._crashes:
            said.append(f"The predictor failed on records that stay: {_counted(self._crashes)}.")
        if self._elsewhere:
            said.append(
                f"{counted(self._elsewhere, 'record is', 'records are')} in another replay, which "
                f"runs or was killed; try again in {LEASE.seconds // 60} minutes."
            )
        if any(place == FAILED_BATCHES.name for place, _ in self._done if self._done[place, _]):
            said.append(
                "Empty the queue of failed batches, whose messages keep the alarm firing: "
                "docs/runbooks/failed-batches.md."
            )
        return said


def _kind(held_object: HeldObject) -> Kind:
    return held_object.place.name, held_object.reason


def _listed(names: object) -> str:
    return ", ".join(sorted(names))  # type: ignore[call-overload]


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.most_common())
