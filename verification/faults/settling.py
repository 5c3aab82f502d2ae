"""Settling during the storm: early, late, twice, slowly, and killed between its writes.

A settle reads everything before its first write. So a slow settle is simulated by delaying its
writes, one by one, while records are delivered and others settle the same parts.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from stresswatch.settled.listing import look_at
from stresswatch.settled.places import ARCHIVES
from stresswatch.settled.plan import Job
from stresswatch.settled.settle import settle
from stresswatch.settled.windows import Window
from verification.faults.outages import START, InjectedOutages
from verification.faults.schedule import SETTLE_FAULTS, Schedule
from verification.faults.stores import Buckets

SAMPLE_POSTS = 20
_RUNS = 12
"""Approximate number of settles while each record is delivered once."""
_WINDOW_MINUTES = (1, 5, 15)
_JOBS_A_RUN = 3
_KILLED_LATER = 0.05
_CLOCKS_APART = timedelta(hours=2)


class SlowWrites:
    """S3 for one settle, with delayed writes."""

    def __init__(self, buckets: Buckets):
        self._buckets = buckets
        self.waiting: list[dict[str, Any]] = []

    def __getattr__(self, operation: str) -> Any:
        return getattr(self._buckets, operation)

    def put_object(self, **request: Any) -> dict[str, Any]:
        body = request["Body"]
        self.waiting.append(request | {"Body": body if isinstance(body, bytes) else body.read()})
        return {}

    def make(self, writes: int | None = None) -> bool:
        """Make some or all of the writes until one is refused; return whether none was."""
        writes = len(self.waiting) if writes is None else writes
        while self.waiting and writes:
            writes -= 1
            try:
                self._buckets.put_object(**self.waiting.pop(0))
            except ClientError:
                self.waiting.clear()
                return False
        return True


class Settling:
    """The runs of the monitoring workflow in a storm, at random times."""

    def __init__(self, schedule: Schedule, buckets: Buckets, outages: InjectedOutages):
        # A separate random generator: the storm's draws do not depend on settles.
        self._chance = random.Random(f"settling {schedule.seed}")  # noqa: S311 - no secret
        self._buckets = buckets
        self._outages = outages
        self._minutes = self._chance.choice(_WINDOW_MINUTES)
        self._most = 2 * schedule.records / _RUNS
        self._due = self._chance.uniform(0, self._most)
        self._slow: list[SlowWrites] = []

    def run_when_due(self, delivered: int) -> None:
        """Settle a run's parts after some records, each with or without a fault."""
        if delivered >= self._due:
            self._due = delivered + self._chance.uniform(0, self._most)
            self._let_slow_ones_write()
            stale = self.stale()
            for job in self._chance.sample(stale, min(len(stale), _JOBS_A_RUN)):
                self._settle(job)

    def end(self) -> None:
        """Settle like the last run, without faults; slow settles still write later."""
        for job in self.stale():
            self._begin(job).make()
        for writes in self._slow:
            self._write(writes)

    def stale(self) -> list[Job]:
        """Return the parts that a run settles now."""
        end = datetime.fromtimestamp(self._outages.now, UTC) + _CLOCKS_APART
        begin = datetime.fromtimestamp(START, UTC) - _CLOCKS_APART
        grid = Window.grid(begin, end, self._minutes)
        store: Any = self._buckets
        return [
            job for one in ARCHIVES.values() for job in look_at(store, "archive", one, grid).stale
        ]

    def _settle(self, job: Job) -> None:
        fault = self._chance.choice((None, *SETTLE_FAULTS[:3]))
        writes = self._begin(job)
        if fault == "settle killed":
            writes.make(self._chance.randrange(len(writes.waiting)))
        elif fault == "settle slow":
            self._slow.append(writes)
        else:
            other = self._begin(job) if fault == "settled by two at once" else None
            self._write(writes)
            if other:
                self._write(other)
        if fault:
            self._outages.injected[fault] += 1

    def _begin(self, job: Job) -> SlowWrites:
        writes = SlowWrites(self._buckets)
        store: Any = writes
        settle(store, "archive", job.archive, job.part, SAMPLE_POSTS)
        return writes

    def _let_slow_ones_write(self) -> None:
        self._chance.shuffle(self._slow)
        for writes in self._slow:
            self._write(writes, self._chance.choice((0, 0, 0, 0, 1, 2)))
            if writes.waiting and self._chance.random() < _KILLED_LATER:
                writes.waiting.clear()
                self._outages.injected["settle killed"] += 1
        self._slow = [writes for writes in self._slow if writes.waiting]

    def _write(self, writes: SlowWrites, count: int | None = None) -> None:
        if not writes.make(count):
            self._outages.injected["settle overtaken"] += 1
