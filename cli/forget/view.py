"""The output of `stresswatch forget`: progress, and the records found in each place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from threading import Lock

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from cli.forget.sweep import Place, SweptObject
from stresswatch.storage.training_sets import version_of_training_set
from stresswatch.text.wording import counted

_NAMED = 10


class Forgetting:
    """Show the progress, and at the end a table of the places.

    The table is also printed after an interruption or failure: removed records stay removed.

    Attributes
    ----------
    records, old_versions : Counter of str
        Found records by the name of the place.
    found : set of str
        The post ids with any records.
    learned_from : set of str
        The model versions whose training sets had records.
    """

    def __init__(self, console: Console, places: Sequence[Place], *, execute: bool):
        self.records: Counter[str] = Counter()
        self.old_versions: Counter[str] = Counter()
        self.found: set[str] = set()
        self.learned_from: set[str] = set()
        self._unreadable: Counter[str] = Counter()
        self._unreadable_objects: list[tuple[str, int]] = []
        self._console = console
        self._places = places
        self._verb = "removed" if execute else "found"
        self._lock = Lock()
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}, {task.completed:,.0f} objects"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("Looking", total=None)

    def __enter__(self) -> Forgetting:
        self._progress.start()
        return self

    def note(self, swept: SweptObject) -> None:
        """Count the result for an object."""
        name = swept.place.name
        with self._lock:
            self.records[name] += swept.records.total()
            self.old_versions[name] += swept.old_versions
            self._unreadable[name] += swept.unreadable
            if swept.unreadable:
                address = f"s3://{swept.place.bucket}/{swept.key}"
                self._unreadable_objects.append((address, swept.unreadable))
            self.found |= swept.found
            if swept.found and (version := version_of_training_set(swept.key)):
                self.learned_from.add(version)
            self._progress.update(self._task, advance=1, description=f"Searching {name}")

    def unattributed(self) -> Iterator[str]:
        """Return the places of records with unknown owners, the first objects by name."""
        found = sorted(self._unreadable_objects)
        if found:
            records = self._unreadable.total()
            yield (
                f"{counted(records, 'record stays', 'records stay')}, as the owner is unknown. "
                "Check these objects, and delete those of the person:"
            )
        for address, records in found[:_NAMED]:
            yield f"- {address}: {records:,}"
        if len(found) > _NAMED:
            yield f"- and {counted(len(found) - _NAMED, 'more object')}"

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
        self._console.print(self._table())

    def _table(self) -> Table:
        columns = {f"records {self._verb}": self.records}
        if self.old_versions.total():
            columns[f"old versions {self._verb}"] = self.old_versions
        if self._unreadable.total():
            columns["left, owner unknown"] = self._unreadable
        table = Table()
        table.add_column("place", overflow="fold")
        for name in columns:
            table.add_column(name, justify="right")
        for place in self._places:
            table.add_row(place.name, *[f"{counts[place.name]:,}" for counts in columns.values()])
        return table
