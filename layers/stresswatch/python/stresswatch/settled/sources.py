"""A part's raw objects: those in its window, and earlier deliveries of their records.

After a redelivery, a record is in several objects of its shard, with overlapping ranges. Its row
belongs to the window of its first prediction, so a part also needs earlier objects that overlap its
window's objects. None of them is older than the records' arrival.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from stresswatch.settled.windows import Window
from stresswatch.storage.archive import ArchivedObject

TOLERANCE = timedelta(hours=2)
"""Maximum delay of a function's clock behind the stream's."""
LONGEST = timedelta(days=7)
"""Maximum age of a redelivered record, in any stage's settings."""


class Sources(NamedTuple):
    """The objects for a part."""

    of_window: Sequence[ArchivedObject]
    earlier: Sequence[ArchivedObject]

    @property
    def objects(self) -> int:
        return len(self.of_window) + len(self.earlier)

    @property
    def digest(self) -> str:
        """SHA-256 of their sorted names, which changes with the set of objects."""
        names = sorted(one.name for one in (*self.of_window, *self.earlier))
        return hashlib.sha256("\n".join(names).encode()).hexdigest()


def reach(of_window: Iterable[ArchivedObject], start: datetime) -> datetime:
    """Return the earliest time of objects with the same records, or `start` if earlier."""
    arrived = min([start, *(one.arrived - TOLERANCE for one in of_window)])
    return max(arrived, start - LONGEST)


def sources(objects: Sequence[ArchivedObject], window: Window) -> Sources:
    """Choose the objects for a window.

    Parameters
    ----------
    objects
        One shard's, in the order of `at`; complete from the result of `reach` to the window's
        end.
    """
    begin, end = (_place(objects, timestamp) for timestamp in (window.start, window.end))
    of_window = objects[begin:end]
    earlier = objects[_place(objects, reach(of_window, window.start)) : begin]
    ranges = _ranges(of_window)
    lasts = [last for _, last in ranges]
    firsts = [first for first, _ in ranges]

    def overlaps(one: ArchivedObject) -> bool:
        place = bisect_right(firsts, one.last) - 1
        return place >= 0 and lasts[place] >= one.first

    return Sources(of_window, [one for one in earlier if overlaps(one)])


def _place(objects: Sequence[ArchivedObject], timestamp: datetime) -> int:
    return bisect_left(objects, timestamp, key=lambda one: one.at)


def _ranges(objects: Iterable[ArchivedObject]) -> list[tuple[int, int]]:
    """Return the objects' ranges of sequence numbers, in order and disjoint."""
    found: list[tuple[int, int]] = []
    for first, last in sorted((one.first, one.last) for one in objects):
        if found and first <= found[-1][1]:
            found[-1] = found[-1][0], max(last, found[-1][1])
        else:
            found.append((first, last))
    return found
