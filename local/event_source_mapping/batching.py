"""Rules of an event source mapping, from a shard's records to invocations, without AWS.

A shard has one or more *lanes*. A lane has one batch with the function at a time, so its records
stay in order. The functions are pure: they take records and outcomes of invocations, and return the
next step.

References
----------
https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html
https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-batchfailurereporting.html
https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property
from itertools import accumulate
from typing import Any

PAYLOAD_LIMIT = 6 * 1024 * 1024
"""Maximum bytes of a synchronous invocation's payload."""

_ENVELOPE_BYTES = 700
"""Bytes of a record in the event besides its data and keys, rounded up."""

_FIRST_DELAY, _LONGEST_DELAY = 0.1, 30.0
"""Seconds before the first retry, and the limit of their doubling."""


@dataclass(frozen=True)
class ShardRecord:
    """One record of a shard; `arrived_at` in seconds since the epoch."""

    sequence_number: str
    partition_key: str
    data: bytes
    arrived_at: float

    @property
    def order(self) -> int:
        return int(self.sequence_number)

    @cached_property
    def encoded_data(self) -> str:
        return base64.b64encode(self.data).decode("ascii")

    @property
    def payload_bytes(self) -> int:
        return len(self.encoded_data) + len(self.partition_key.encode()) + _ENVELOPE_BYTES


@dataclass(frozen=True)
class MappingSettings:
    """Settings of an event source mapping from its template; None means no limit."""

    batch_size: int = 100
    batching_window: float = 0.0
    parallelization_factor: int = 1
    bisect: bool = False
    report_item_failures: bool = False
    maximum_retries: int | None = None
    maximum_record_age: float | None = None
    starting_position: str = "LATEST"

    @classmethod
    def from_description(cls, mapping: Mapping[str, Any]) -> MappingSettings:
        """Read the settings from `GetEventSourceMapping`."""

        def limit(name: str) -> int | None:
            value = mapping.get(name, -1)
            return None if value == -1 else int(value)

        return cls(
            batch_size=int(mapping.get("BatchSize", cls.batch_size)),
            batching_window=float(mapping.get("MaximumBatchingWindowInSeconds", 0)),
            parallelization_factor=int(mapping.get("ParallelizationFactor", 1)),
            bisect=bool(mapping.get("BisectBatchOnFunctionError", False)),
            report_item_failures="ReportBatchItemFailures"
            in mapping.get("FunctionResponseTypes", []),
            maximum_retries=limit("MaximumRetryAttempts"),
            maximum_record_age=limit("MaximumRecordAgeInSeconds"),
            starting_position=mapping["StartingPosition"],
        )


@dataclass(frozen=True)
class InvocationResult:
    """The outcome of an invocation: the function's result, or its error type."""

    result: Any
    function_error: str | None = None
    status_code: int = 200
    executed_version: str = "$LATEST"
    request_id: str = ""


class NotInvoked:
    """Lambda rejected the invocation, such as by throttling, so the function never ran."""


@dataclass(frozen=True)
class Batch:
    """Records for one invocation, with the history of earlier attempts."""

    records: tuple[ShardRecord, ...]
    failures: int = 0
    invocations: int = 0
    refusals: int = 0
    last_answer: InvocationResult | None = None


class Condition(Enum):
    """The reason for discarding a batch, in the terms of the invocation record."""

    RETRIES_EXHAUSTED = "RetryAttemptsExhausted"
    RECORD_AGE_EXCEEDED = "RecordAgeExceeded"


@dataclass(frozen=True)
class Invoke:
    """Next step: invoke the function with the batch, then `settle`."""

    batch: Batch


@dataclass(frozen=True)
class Discard:
    """Next step: deliver the batch to the failure destination, then `drop_first`."""

    batch: Batch
    condition: Condition


@dataclass(frozen=True)
class Wait:
    """Next step: wait for more records, or until a time."""

    until: float | None = None


Step = Invoke | Discard | Wait


@dataclass(frozen=True)
class Lane:
    """Records before the function, in order: first batches, then unbatched records."""

    batches: tuple[Batch, ...] = ()
    read: tuple[ShardRecord, ...] = ()
    read_since: float = 0.0
    not_before: float = 0.0

    @property
    def oldest(self) -> ShardRecord | None:
        """The first unfinished record: the checkpoint is before it."""
        if self.batches:
            return self.batches[0].records[0]
        return self.read[0] if self.read else None

    @property
    def waiting(self) -> int:
        return len(self.read) + sum(len(batch.records) for batch in self.batches)


def lane_of(partition_key: str, lanes: int) -> int:
    """Choose the lane; records with the same partition key share one, so they stay in order."""
    return zlib.crc32(partition_key.encode()) % lanes


def take(lane: Lane, records: Iterable[ShardRecord], now: float) -> Lane:
    """Add records from the shard; the batching window opens with the first."""
    added = tuple(records)
    if not added:
        return lane
    since = lane.read_since if lane.read else now
    return replace(lane, read=lane.read + added, read_since=since)


def next_step(lane: Lane, settings: MappingSettings, now: float) -> tuple[Lane, Step]:
    """Decide the next step; return it with the new lane."""
    if not lane.batches:
        lane, wait = _form_batch(lane, settings, now)
        if wait:
            return lane, wait
    lane, expired = _split_off_expired(lane, settings, now)
    batch = lane.batches[0]
    if expired:
        return lane, Discard(batch, Condition.RECORD_AGE_EXCEEDED)
    if settings.maximum_retries is not None and batch.failures > settings.maximum_retries:
        return lane, Discard(batch, Condition.RETRIES_EXHAUSTED)
    # A clock that was set back must not block the lane: waits have a maximum.
    if now < lane.not_before <= now + _LONGEST_DELAY:
        return lane, Wait(lane.not_before)
    return lane, Invoke(batch)


def settle(
    lane: Lane, outcome: InvocationResult | NotInvoked, settings: MappingSettings, now: float
) -> Lane:
    """Apply the outcome of invoking the first batch.

    A failure of the function uses up one retry, unless the batch becomes smaller: after a partial
    response or a bisection, the count starts again. If the function was not invoked at all, the
    batch is retried until its records are too old.
    """
    batch, later = lane.batches[0], lane.batches[1:]
    if isinstance(outcome, NotInvoked):
        refused = replace(batch, refusals=batch.refusals + 1)
        delay = _delay(refused.refusals)
        return replace(lane, batches=(refused, *later), not_before=now + delay)

    failed = _first_failed(batch, outcome, settings)
    if failed is None:
        return replace(lane, batches=later, not_before=0.0)
    tried = replace(batch, invocations=batch.invocations + 1, last_answer=outcome)
    if failed > 0:
        rest = replace(tried, records=batch.records[failed:], failures=0)
        return replace(lane, batches=(rest, *later), not_before=now + _delay(1))
    if settings.bisect and len(batch.records) > 1:
        middle = len(batch.records) // 2
        halves = (
            replace(tried, records=batch.records[:middle], failures=0),
            replace(tried, records=batch.records[middle:], failures=0),
        )
        return replace(lane, batches=(*halves, *later), not_before=now + _delay(1))
    again = replace(tried, failures=batch.failures + 1)
    return replace(lane, batches=(again, *later), not_before=now + _delay(again.failures))


def drop_first(lane: Lane) -> Lane:
    """Drop the first batch."""
    return replace(lane, batches=lane.batches[1:], not_before=0.0)


def _form_batch(lane: Lane, settings: MappingSettings, now: float) -> tuple[Lane, Wait | None]:
    if not lane.read:
        return lane, Wait()
    candidates = lane.read[: settings.batch_size]
    sizes = accumulate(record.payload_bytes for record in candidates)
    fitting = max(1, sum(size <= PAYLOAD_LIMIT for size in sizes))
    full = fitting == settings.batch_size or fitting < len(candidates)
    closes = lane.read_since + settings.batching_window
    if not full and lane.read_since <= now < closes:
        return lane, Wait(closes)
    batch = Batch(lane.read[:fitting])
    return replace(lane, batches=(batch,), read=lane.read[fitting:], read_since=now), None


def _split_off_expired(lane: Lane, settings: MappingSettings, now: float) -> tuple[Lane, bool]:
    """Move records that are too old, if any, into a separate first batch."""
    if settings.maximum_record_age is None:
        return lane, False
    batch, later = lane.batches[0], lane.batches[1:]
    oldest_allowed = now - settings.maximum_record_age
    expired = sum(record.arrived_at < oldest_allowed for record in batch.records)
    if not expired:
        return lane, False
    parts: tuple[Batch, ...] = (replace(batch, records=batch.records[:expired]),)
    if expired < len(batch.records):
        parts += (replace(batch, records=batch.records[expired:]),)
    return replace(lane, batches=(*parts, *later)), True


def _first_failed(batch: Batch, answer: InvocationResult, settings: MappingSettings) -> int | None:
    """Return the index of the first record to retry; None if all succeeded."""
    if answer.function_error:
        return 0
    if not settings.report_item_failures:
        return None
    failures = answer.result.get("batchItemFailures") if isinstance(answer.result, dict) else None
    if not failures:
        return None
    places = {record.sequence_number: place for place, record in enumerate(batch.records)}
    try:
        return min(places[failure["itemIdentifier"]] for failure in failures)
    except (KeyError, TypeError):
        # An identifier that is empty, null, misnamed or unknown fails the whole batch.
        return 0


def _delay(failures: int) -> float:
    return float(min(_FIRST_DELAY * 2 ** (failures - 1), _LONGEST_DELAY))
