"""The plan of a monitoring run: the parts to settle, and the windows to measure.

Everything here is pure: it turns the archives' contents into a plan.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from stresswatch.settled.places import ARCHIVES, NOTHING, PREDICTIONS, Archive, Part
from stresswatch.settled.sources import sources
from stresswatch.settled.summaries import Summary
from stresswatch.settled.windows import InvalidWindow, Window
from stresswatch.storage.archive import ArchivedObject
from stresswatch.versions.shadow import GRACE

LOOKED_AT = timedelta(hours=24)
"""Time after a window's end in which late objects cause it to be settled again."""
JOBS_A_RUN = 1_000
"""Maximum number of jobs between two Step Functions states: 256 KB."""


class Job(NamedTuple):
    """A part to settle."""

    archive: Archive
    part: Part

    def to_dict(self) -> dict[str, str]:
        return {
            "archive": self.archive.name,
            **self.part.window.to_dict(),
            "shard": self.part.shard,
        }

    @staticmethod
    def of(fields: Mapping[str, str]) -> Job:
        """Read what `to_dict` wrote."""
        window = Window.of(fields, minutes=0)
        return Job(ARCHIVES[fields["archive"]], Part(window, fields["shard"]))


@dataclass(frozen=True)
class Holding:
    """An archive's contents for the windows of a run.

    Attributes
    ----------
    windows : list of Window
        In order and disjoint, as they are settled.
    shards : mapping of Window to set of str
        The shards with raw objects or a part, for each window with any.
    stale : list of Job
        The parts that are not settled, or outdated.
    """

    windows: Sequence[Window]
    shards: Mapping[Window, Set[str]]
    stale: Sequence[Job]


@dataclass(frozen=True)
class Plan:
    """The work of a run.

    Attributes
    ----------
    windows : list of (Window, int)
        Windows to measure, by time, with their numbers of parts.
    quality : datetime or None
        End of the period for live quality, if it is due.
    """

    jobs: Sequence[Job]
    windows: Sequence[tuple[Window, int]]
    quality: datetime | None

    def to_dict(self) -> dict[str, Any]:
        return {
            "jobs": [job.to_dict() for job in self.jobs],
            "windows": [{**window.to_dict(), "shards": shards} for window, shards in self.windows],
            "quality": {"time": self.quality.isoformat()} if self.quality else None,
        }


def scheduled_windows(scheduled: datetime, minutes: int) -> list[Window]:
    """Return the windows for a scheduled run; it is for the last one."""
    end = Window.before(scheduled, minutes).end
    return Window.grid(end - LOOKED_AT, end, minutes)


def asked_windows(asked: Window, minutes: int, now: datetime) -> list[Window]:
    """Return the windows for a run on demand, including the current one.

    Comparisons of two versions need the predictions shortly before and after, too.

    Raises
    ------
    InvalidWindow
        When the whole window is in the future.
    """
    if asked.start >= now:
        raise InvalidWindow("the window has not begun")
    return Window.grid(asked.start - GRACE, min(asked.end + GRACE, now), minutes)


def as_settled(grid: Sequence[Window], settled: Iterable[Window]) -> list[Window]:
    """Return the windows of a grid as they are settled.

    If a stage had another grid before, its settled windows stay, and the new grid fills the gaps:
    no row is settled twice.
    """
    former, windows = sorted(settled), []
    start = grid[0].start
    for window in grid:
        start = max(start, window.start)
        for one in former:
            if one.overlaps(start, window.end):
                if start < one.start:
                    windows.append(Window(start, one.start))
                windows.append(one)
                start = one.end
        if start < window.end:
            windows.append(Window(start, window.end))
    return windows


def holding(
    archive: Archive,
    windows: Sequence[Window],
    shards: Iterable[Sequence[ArchivedObject]],
    summaries: Iterable[Summary],
) -> Holding:
    """Compare an archive's contents with the settled parts.

    Parameters
    ----------
    windows
        Settled windows, from `as_settled`.
    shards
        The objects shard by shard, in the form that `sources` expects.
    """
    known = {summary.part: summary for summary in summaries}
    held: dict[Window, set[str]] = {}
    for window, shard in known:
        held.setdefault(window, set()).add(shard)
    stale = []
    for objects in shards:
        for window in windows:
            found = sources(objects, window)
            if found.of_window:
                part = Part(window, found.of_window[0].shard)
                held.setdefault(window, set()).add(part.shard)
                if part not in known or not known[part].is_current(found):
                    stale.append(Job(archive, part))
    return Holding(windows, held, stale)


def plan_scheduled(
    predictions: Holding,
    others: Iterable[Holding],
    grid: Sequence[Window],
    measured: Collection[str],
    quality_every_hours: int,
) -> Plan:
    """Plan a scheduled run.

    It measures the newest window, windows settled again, and windows that an earlier run settled
    but did not measure. Windows before the first one with data are ignored: a new stack does not
    measure earlier days.

    Parameters
    ----------
    grid
        From `scheduled_windows`.
    measured
        Names of windows in the drift history.
    """
    newest = grid[-1]
    begin = min([*predictions.shards, newest]).start
    windows = [window for window in predictions.windows if window.end > begin]
    jobs, postponed = _jobs(predictions, others, windows)
    settled_now = [job.part.window for job in jobs if job.archive is PREDICTIONS]
    put_off = [job.part.window for job in postponed if job.archive is PREDICTIONS]

    def is_due(window: Window) -> bool:
        is_new = window == newest or window.name not in measured
        return not _any_overlap(put_off, window) and (is_new or _any_overlap(settled_now, window))

    due = [window for window in grid if window.end > begin and is_due(window)]
    return Plan(
        jobs,
        [(window, _parts(predictions, window)) for window in due],
        newest.end if _is_due(newest, quality_every_hours) else None,
    )


def plan_asked(predictions: Holding, others: Iterable[Holding], asked: Window) -> Plan:
    """Plan a run on demand: it measures the requested time as one window."""
    jobs, _ = _jobs(predictions, others, predictions.windows)
    return Plan(jobs, [(asked, _parts(predictions, asked))], asked.end)


def _jobs(
    predictions: Holding, others: Iterable[Holding], windows: Iterable[Window]
) -> tuple[list[Job], list[Job]]:
    """Return the jobs of a run, oldest first, and those for the next run."""
    nothing = [
        Job(PREDICTIONS, Part(window, NOTHING))
        for window in windows
        if window not in predictions.shards
    ]
    stale = [job for one in (predictions, *others) for job in one.stale]
    jobs = sorted([*nothing, *stale], key=lambda job: (job.part, job.archive.name))
    return jobs[:JOBS_A_RUN], jobs[JOBS_A_RUN:]


def _parts(predictions: Holding, measured: Window) -> int:
    """Count a window's parts once all of them are settled."""
    return sum(
        max(1, len(predictions.shards.get(window, set()) - {NOTHING}))
        for window in predictions.windows
        if window.overlaps(measured.start, measured.end)
    )


def _any_overlap(windows: Iterable[Window], other: Window) -> bool:
    return any(window.overlaps(other.start, other.end) for window in windows)


def _is_due(window: Window, every_hours: int) -> bool:
    """Return whether the window contains or ends with a multiple of these hours from midnight."""
    midnight = window.start.replace(hour=0, minute=0, second=0, microsecond=0)
    length = timedelta(hours=every_hours)
    before, after = ((timestamp - midnight) // length for timestamp in (window.start, window.end))
    return after > before or window.end - midnight == timedelta(days=1)
