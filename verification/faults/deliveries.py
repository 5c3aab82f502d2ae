"""The event source mapping of a run: reads the shards and invokes the predictor by its rules."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from local.event_source_mapping.batching import (
    Batch,
    Discard,
    InvocationResult,
    Invoke,
    MappingSettings,
    NotInvoked,
    Wait,
    drop_first,
    next_step,
    settle,
)
from local.event_source_mapping.checkpoints import TRIM_HORIZON, Checkpoints
from local.event_source_mapping.invocation import Source, failure_record
from local.event_source_mapping.shard_progress import Progress
from local.event_source_mapping.shards import shards_to_start
from verification.faults.outages import InjectedOutages
from verification.faults.schedule import Schedule
from verification.faults.stream import PostsStream

STREAM = "posts"
FUNCTION_ARN = "arn:aws:lambda:us-east-1:123456789012:function:predictor"
_STREAM_ARN = f"arn:aws:kinesis:us-east-1:123456789012:stream/{STREAM}"
_READ_LIMIT = 1_000
_IDLE_SECONDS = 0.2


class Deliveries:
    """Deliver records from the stream to the predictor, and discard batches by the rules.

    Attributes
    ----------
    given_up : list of dict
        Invocation records in the failure destination.
    records : int
        Number of delivered records, including repeated deliveries.
    clock_skew : float
        Error of the mapping's clock in seconds.
    """

    def __init__(
        self,
        schedule: Schedule,
        stream: PostsStream,
        outages: InjectedOutages,
        folder: Path,
        invoke: Callable[[Batch, Source], InvocationResult | NotInvoked],
    ):
        self.given_up: list[dict[str, Any]] = []
        self.records = 0
        self.clock_skew = 0.0
        self._stream = stream
        self._outages = outages
        self._invoke = invoke
        self._lanes = schedule.lanes
        self._settings = MappingSettings(
            batch_size=schedule.batch_size,
            batching_window=schedule.batching_window,
            parallelization_factor=schedule.lanes,
            bisect=True,
            report_item_failures=True,
            maximum_retries=schedule.retries,
            maximum_record_age=schedule.record_age,
            starting_position="TRIM_HORIZON",
        )
        self._checkpoint_file = folder / "checkpoints.json"
        self._checkpoints = Checkpoints(self._checkpoint_file)
        self._shards: dict[str, Progress] = {}

    def restart(self) -> None:
        """Drop all state except the checkpoints."""
        self._checkpoints = Checkpoints(self._checkpoint_file)
        self._shards.clear()

    @property
    def is_settled(self) -> bool:
        """Return whether every record is finished."""
        return (
            all(name in self._shards for name in self._stream.open_shards)
            and not any(progress.waiting for progress in self._shards.values())
            and all(
                not self._stream.read(name, progress.read_up_to, 1)[0]
                for name, progress in self._shards.items()
            )
        )

    @property
    def _now(self) -> float:
        return self._outages.now + self.clock_skew

    def deliver_what_can_be(self) -> None:
        """Advance every lane by one step; if all wait, advance the time."""
        chosen = shards_to_start(
            self._stream.shards, set(self._shards), self._checkpoints, TRIM_HORIZON
        )
        for name, position in chosen.items():
            self._shards[name] = Progress.begin(position, self._lanes)
        began = self._outages.now
        for name in list(self._shards):
            self._read(name)
            for place in range(self._lanes):
                self._step(name, place)
        if self._outages.now == began:
            self._outages.now += _IDLE_SECONDS

    def _read(self, name: str) -> None:
        progress = self._shards[name]
        if progress.is_read or self._outages.strikes("GetRecords refused"):
            return
        records, is_end = self._stream.read(name, progress.read_up_to, _READ_LIMIT)
        # The stream's timestamps are the true time, unlike the mapping's clock.
        self._shards[name] = progress.read(records, is_end, self._now)
        self._checkpoints.save(name, self._shards[name].checkpoint)

    def _step(self, name: str, place: int) -> None:
        lane, step = next_step(self._shards[name].lanes[place], self._settings, self._now)
        source = Source(_STREAM_ARN, name, "arn:aws:iam::123456789012:role/predictor")
        if isinstance(step, Invoke):
            outcome = self._deliver(step.batch, source)
            lane = settle(lane, outcome, self._settings, self._now)
        elif isinstance(step, Discard):
            record = failure_record(step, source, FUNCTION_ARN, self._now)
            self.given_up.append(record)
            lane = drop_first(lane)
        self._shards[name] = self._shards[name].with_lane(place, lane)
        if not isinstance(step, Wait):
            self._checkpoints.save(name, self._shards[name].checkpoint)

    def _deliver(self, batch: Batch, source: Source) -> InvocationResult | NotInvoked:
        if self._outages.strikes("function throttled"):
            return NotInvoked()
        self.records += len(batch.records)
        answer = self._invoke(batch, source)
        has_returned = isinstance(answer, InvocationResult) and not answer.function_error
        if has_returned and self._outages.strikes("answer of the function lost"):
            return NotInvoked()
        return answer
