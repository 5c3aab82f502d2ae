"""The records waiting to be sent, and counts of the others by outcome.

This module has no locks: the producer calls it with its lock held.
"""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import NamedTuple

from stresswatch.producer.metrics import Metrics, Request
from stresswatch.streaming.put_records import (
    MAXIMUM_BYTES,
    MAXIMUM_RECORDS,
    Position,
    StreamRecord,
)

_REMEMBERED_LATENCIES = 1_000


class Waiting(NamedTuple):
    """A record, its future, and its time of arrival."""

    record: StreamRecord
    future: Future[Position]
    since: float


class Backlog:
    """The queue of one producer.

    Attributes
    ----------
    put, cancelled : int
        Records so far.
    waiting_bytes : int
        Size of records that are queued or being sent.
    """

    def __init__(self, clock: Callable[[], float]):
        self._clock = clock
        self._queue: deque[Waiting] = deque()
        self._queued_bytes = self.waiting_bytes = self._taken_bytes = 0
        self.put = self.cancelled = self._taken = self._failed = 0
        self._requests = self._refused = 0
        self._latencies: deque[float] = deque(maxlen=_REMEMBERED_LATENCIES)

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def settled(self) -> int:
        """The number of records that were accepted, have failed or were cancelled."""
        return self._taken + self._failed + self.cancelled

    @property
    def fills_a_request(self) -> bool:
        return len(self._queue) >= MAXIMUM_RECORDS or self._queued_bytes >= MAXIMUM_BYTES

    @property
    def oldest(self) -> float:
        """Arrival time of the first record in the queue."""
        return self._queue[0].since

    def has_room(self, size: int, maximum: int) -> bool:
        """Return whether this many more bytes fit; any number fits into an empty queue."""
        return self.waiting_bytes + size <= maximum or not self.waiting_bytes

    def add(self, record: StreamRecord) -> Future[Position]:
        future: Future[Position] = Future()
        self._queue.append(Waiting(record, future, self._clock()))
        self.put += 1
        self._queued_bytes += record.size
        self.waiting_bytes += record.size
        return future

    def take_request(self) -> list[Waiting]:
        """Take the records for one request, without cancelled ones."""
        batch: list[Waiting] = []
        size = 0
        while self._queue and len(batch) < MAXIMUM_RECORDS:
            size += self._queue[0].record.size
            if batch and size > MAXIMUM_BYTES:
                break
            waiting = self._pop()
            if self._begins(waiting):
                batch.append(waiting)
            else:
                size -= waiting.record.size
        return batch

    def take_all(self) -> list[Waiting]:
        """Take all records, without cancelled ones."""
        every = [self._pop() for _ in range(len(self._queue))]
        return [waiting for waiting in every if self._begins(waiting)]

    def note(self, taken: Sequence[Waiting], refused: int) -> Request:
        """Count the results in an answer."""
        size = sum(waiting.record.size for waiting in taken)
        self._requests += 1
        self._refused += refused
        self._taken += len(taken)
        self._taken_bytes += size
        self.waiting_bytes -= size
        if taken:
            self._latencies.append(self._clock() - taken[0].since)
        return Request(len(taken), refused, size)

    def note_failed(self, failed: Sequence[Waiting]) -> None:
        """Count discarded records."""
        self._failed += len(failed)
        self.waiting_bytes -= sum(waiting.record.size for waiting in failed)

    def metrics(self) -> Metrics:
        latencies = list(self._latencies)
        return Metrics(
            put=self.put,
            taken=self._taken,
            failed=self._failed,
            cancelled=self.cancelled,
            waiting=self.put - self.settled,
            refused=self._refused,
            requests=self._requests,
            taken_bytes=self._taken_bytes,
            waiting_bytes=self.waiting_bytes,
            latency_median_seconds=statistics.median(latencies) if latencies else None,
            latency_highest_seconds=max(latencies, default=None),
        )

    def _pop(self) -> Waiting:
        waiting = self._queue.popleft()
        self._queued_bytes -= waiting.record.size
        return waiting

    def _begins(self, waiting: Waiting) -> bool:
        """Return whether to send it: from here on its future cannot be cancelled."""
        if waiting.future.set_running_or_notify_cancel():
            return True
        self.cancelled += 1
        self.waiting_bytes -= waiting.record.size
        return False
