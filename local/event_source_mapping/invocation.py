"""Lambda's messages: the Kinesis event, and the invocation record after a failure.

References
----------
https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html
https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from local.event_source_mapping.batching import Discard, ShardRecord
from stresswatch.storage import failed_batches


@dataclass(frozen=True)
class Source:
    """The origin of an invocation's records, and the role that reads them."""

    stream_arn: str
    shard_id: str
    role_arn: str

    @property
    def region(self) -> str:
        return self.stream_arn.split(":")[3]


def kinesis_event(records: Sequence[ShardRecord], source: Source) -> dict[str, Any]:
    """Build the event for the function."""
    return {"Records": [_event_record(record, source) for record in records]}


def _event_record(record: ShardRecord, source: Source) -> dict[str, Any]:
    return {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": record.partition_key,
            "sequenceNumber": record.sequence_number,
            "data": record.encoded_data,
            "approximateArrivalTimestamp": record.arrived_at,
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"{source.shard_id}:{record.sequence_number}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": source.role_arn,
        "awsRegion": source.region,
        "eventSourceARN": source.stream_arn,
    }


def failure_record(
    discard: Discard, source: Source, function_arn: str, now: float
) -> dict[str, Any]:
    """Build the invocation record for an S3 destination, which holds the whole event."""
    batch, answer = discard.batch, discard.batch.last_answer
    record: dict[str, Any] = {
        "requestContext": {
            "requestId": answer.request_id if answer else str(uuid.uuid4()),
            "functionArn": function_arn,
            "condition": discard.condition.value,
            "approximateInvokeCount": batch.invocations,
        },
    }
    if answer:
        record["responseContext"] = {
            "statusCode": answer.status_code,
            "executedVersion": answer.executed_version,
            "functionError": answer.function_error,
        }
    first, last = batch.records[0], batch.records[-1]
    return failed_batches.invocation_record(
        record | {"version": "1.0", "timestamp": _iso(now)},
        {
            "shardId": source.shard_id,
            "startSequenceNumber": first.sequence_number,
            "endSequenceNumber": last.sequence_number,
            "approximateArrivalOfFirstRecord": _iso(first.arrived_at),
            "approximateArrivalOfLastRecord": _iso(last.arrived_at),
            "streamArn": source.stream_arn,
        },
        kinesis_event(batch.records, source),
    )


def failure_key(mapping_id: str, shard_id: str, now: float, unique: uuid.UUID) -> str:
    """Build the key of an S3 destination's object, as Lambda does."""
    timestamp = datetime.fromtimestamp(now, UTC)
    return f"aws/lambda/{mapping_id}/{shard_id}/{timestamp:%Y/%m/%d/%Y-%m-%dT%H.%M.%S}-{unique}"


def _iso(seconds: float) -> str:
    timestamp = datetime.fromtimestamp(seconds, UTC)
    return timestamp.isoformat(timespec="milliseconds").replace("+00:00", "Z")
