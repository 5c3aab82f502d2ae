"""Process one shard of a mapping: read, invoke, deliver failures, save the checkpoint.

`batching` has the rules; this module makes the calls. It reads records and delivers failures under
the function's own role.
"""

from __future__ import annotations

import json
import logging
import threading
import time
import uuid
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.endpoint import Endpoint, Role
from local.event_source_mapping.batching import (
    Batch,
    Discard,
    InvocationResult,
    Invoke,
    NotInvoked,
    ShardRecord,
    Wait,
    drop_first,
    next_step,
    settle,
)
from local.event_source_mapping.checkpoints import Checkpoints, ShardPosition
from local.event_source_mapping.invocation import Source, failure_key, failure_record, kinesis_event
from local.event_source_mapping.mapping import EventSourceMapping
from local.event_source_mapping.shard_progress import Progress
from local.metrics.services import put_incoming, put_iterator_age
from local.threads import Threads

log = logging.getLogger(__name__)

_IDLE_SECONDS = 0.2
_LONGEST_WAIT_SECONDS = 0.5
_READ_AHEAD = 20_000
"""Maximum records of a shard in memory; reading pauses above it."""


class ShardWorker:
    """Process one shard: one thread reads, and one thread per lane invokes."""

    def __init__(
        self,
        shard_id: str,
        position: ShardPosition,
        mapping: EventSourceMapping,
        endpoint: Endpoint,
        checkpoints: Checkpoints,
        threads: Threads,
    ):
        self._shard_id = shard_id
        self._mapping = mapping
        self._checkpoints = checkpoints
        self._threads = threads
        self._reader_role = Role(endpoint, mapping.role_arn)
        self._endpoint = endpoint
        self._source = Source(mapping.stream_arn, shard_id, mapping.role_arn)
        self._cloudwatch = endpoint.client("cloudwatch")
        self._iterator: str | None = None
        # `_changed` guards everything below, and signals new records and progress.
        self._changed = threading.Condition()
        self._progress = Progress.begin(position, mapping.settings.parallelization_factor)

    def start(self) -> None:
        self._threads.start(f"read {self._shard_id}", self._read)
        for place in range(len(self._progress.lanes)):
            self._threads.start(f"invoke {self._shard_id} {place}", partial(self._work, place))

    def _read(self) -> None:
        while not (self._progress.is_read or self._threads.stopping.is_set()):
            self._threads.attempt(f"read {self._shard_id}", self._read_once)

    def _read_once(self) -> None:
        with self._changed:
            held = self._progress.waiting
        if held >= _READ_AHEAD:
            self._threads.stopping.wait(_IDLE_SECONDS)
            return
        records, is_end = self._get_records()
        with self._changed:
            self._progress = self._progress.read(records, is_end, time.time())
            self._changed.notify_all()
        if records:
            sizes = [len(record.data) for record in records]
            put = partial(put_incoming, self._cloudwatch, self._mapping.stream_arn, sizes)
            self._threads.attempt(f"incoming records of {self._shard_id}", put)
        if is_end:
            self._checkpoint()
        elif not records:
            self._threads.pause(_IDLE_SECONDS)

    def _get_records(self) -> tuple[list[ShardRecord], bool]:
        """Read more records; the second value tells whether the shard has ended."""
        kinesis = self._reader_role.client("kinesis")
        stream = {"StreamARN": self._mapping.stream_arn}
        try:
            if self._iterator is None:
                self._iterator = kinesis.get_shard_iterator(
                    **stream, ShardId=self._shard_id, **_iterator_request(self._progress.read_up_to)
                )["ShardIterator"]
            answer = kinesis.get_records(**stream, ShardIterator=self._iterator)
        except kinesis.exceptions.ExpiredIteratorException:
            self._iterator = None
            return [], False
        except (BotoCoreError, ClientError):
            self._iterator = None
            raise
        self._iterator = answer.get("NextShardIterator")
        records = [
            ShardRecord(
                sequence_number=record["SequenceNumber"],
                partition_key=record["PartitionKey"],
                data=record["Data"],
                arrived_at=record["ApproximateArrivalTimestamp"].timestamp(),
            )
            for record in answer["Records"]
        ]
        return records, self._iterator is None

    def _work(self, place: int) -> None:
        functions = self._endpoint.client("lambda")
        role = Role(self._endpoint, self._mapping.role_arn)
        settings = self._mapping.settings
        while not self._threads.stopping.is_set():
            with self._changed:
                lane, step = next_step(self._progress.lanes[place], settings, time.time())
                self._progress = self._progress.with_lane(place, lane)
                if isinstance(step, Wait):
                    if self._progress.is_read and not lane.waiting:
                        return
                    self._changed.wait(_wait_seconds(step))
                    continue
            if isinstance(step, Invoke):
                waited = 1000 * (time.time() - step.batch.records[-1].arrived_at)
                put_age = partial(
                    put_iterator_age, self._cloudwatch, self._mapping.function_arn, waited
                )
                self._threads.attempt(f"iterator age of {self._shard_id}", put_age)
                outcome = self._invoke(functions, step.batch)
                with self._changed:
                    lane = self._progress.lanes[place]
                    lane = settle(lane, outcome, settings, time.time())
                    self._progress = self._progress.with_lane(place, lane)
            else:
                self._deliver(role, step)
                with self._changed:
                    lane = drop_first(self._progress.lanes[place])
                    self._progress = self._progress.with_lane(place, lane)
            self._checkpoint()

    def _invoke(self, functions: Any, batch: Batch) -> InvocationResult | NotInvoked:
        event = kinesis_event(batch.records, self._source)
        try:
            answer = functions.invoke(
                FunctionName=self._mapping.function_arn, Payload=json.dumps(event).encode()
            )
            payload = json.loads(answer["Payload"].read())
        except (BotoCoreError, ClientError) as error:
            if not self._threads.stopping.is_set():
                log.warning("%s was not invoked: %s", self._mapping.function_arn, error)
            return NotInvoked()
        return InvocationResult(
            result=payload,
            function_error=answer.get("FunctionError"),
            status_code=answer["StatusCode"],
            executed_version=answer.get("ExecutedVersion", "$LATEST"),
            request_id=answer["ResponseMetadata"]["RequestId"],
        )

    def _deliver(self, role: Role, discard: Discard) -> None:
        """Deliver a discarded batch; as on AWS, a failed delivery does not block the shard."""
        now = time.time()
        log.warning(
            "%d records from %s of %s discarded: %s",
            len(discard.batch.records),
            discard.batch.records[0].sequence_number,
            self._shard_id,
            discard.condition.value,
        )
        if not self._mapping.failure_bucket:
            return
        record = failure_record(discard, self._source, self._mapping.function_arn, now)
        key = failure_key(self._mapping.mapping_id, self._shard_id, now, uuid.uuid4())
        try:
            role.client("s3").put_object(
                Bucket=self._mapping.failure_bucket, Key=key, Body=json.dumps(record).encode()
            )
        except (BotoCoreError, ClientError):
            log.exception("the failure destination %s refused", self._mapping.failure_bucket)

    def _checkpoint(self) -> None:
        with self._changed:
            self._checkpoints.save(self._shard_id, self._progress.checkpoint)


def _iterator_request(position: ShardPosition) -> dict[str, Any]:
    request: dict[str, Any] = {"ShardIteratorType": position.kind}
    if position.sequence_number is not None:
        request["StartingSequenceNumber"] = position.sequence_number
    if position.timestamp is not None:
        request["Timestamp"] = position.timestamp
    return request


def _wait_seconds(step: Wait) -> float | None:
    """Return the seconds to wait for a change: few, because a stop does not end the wait."""
    if step.until is None:
        return _LONGEST_WAIT_SECONDS
    return min(max(0.0, step.until - time.time()), _LONGEST_WAIT_SECONDS)
