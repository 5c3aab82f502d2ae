"""The quarantine in S3: one object for each rejected record, with its payload and the reason.

`encode` and `QuarantinedRecord` are the one place that knows the form of such an object.

The key depends on the record's place in the stream alone, so that a redelivery overwrites what an
earlier delivery wrote and a record is never in quarantine twice.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from stresswatch.contracts.predictions import Rejection

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PREFIX = "quarantine/"
COLUMNS = ("reason", "stream", "shard", "sequence_number", "arrived_at")
"""The fields of an object that can be queried: those that hold nothing of the post."""
_PAYLOAD = "payload_base64"
_PARALLEL_WRITES = 16


def write(s3: S3Client, bucket: str, rejections: Sequence[Rejection]) -> None:
    """Put rejected records in quarantine.

    Raises
    ------
    botocore.exceptions.ClientError
        When one of them could not be written.
    """

    def put(rejection: Rejection) -> None:
        s3.put_object(
            Bucket=bucket,
            Key=key(rejection),
            Body=encode(rejection),
            ContentType="application/json",
        )

    with ThreadPoolExecutor(_PARALLEL_WRITES) as pool:
        list(pool.map(put, rejections))


def key(rejection: Rejection) -> str:
    """Name the object of a rejected record."""
    record = rejection.record
    return f"{folder(record.arrived_at)}{record.shard}-{record.sequence_number}.json"


def folder(arrived_at: datetime) -> str:
    """Return the prefix of the objects of a day."""
    return f"{PREFIX}{day(arrived_at)}/"


def day(arrived_at: datetime) -> str:
    """Name the folder of what arrived at a moment; names sort as the days do."""
    return f"{arrived_at.astimezone(UTC):date=%Y-%m-%d}"


def encode(rejection: Rejection) -> bytes:
    """Write the object of a rejected record."""
    record = rejection.record
    return json.dumps(
        {
            "reason": rejection.reason,
            "detail": rejection.detail,
            "stream": record.stream,
            "shard": record.shard,
            "sequence_number": record.sequence_number,
            "arrived_at": record.arrived_at.isoformat(),
            _PAYLOAD: base64.b64encode(record.data).decode(),
        }
    ).encode()


@dataclass(frozen=True)
class QuarantinedRecord:
    """An object of the quarantine, as it was read.

    Attributes
    ----------
    content : dict
        Its JSON, with fields that others wrote beside.
    payload : bytes
        The record's data, as the producer put it.
    """

    content: dict[str, Any]
    payload: bytes
    sequence_number: str

    @staticmethod
    def decode(content: dict[str, Any]) -> QuarantinedRecord:
        """Read an object's JSON; only what a record must have is required.

        Raises
        ------
        ValueError, TypeError, KeyError
            When it has another form.
        """
        payload = base64.b64decode(content[_PAYLOAD])
        return QuarantinedRecord(content, payload, content["sequence_number"])

    @property
    def reason(self) -> str:
        return str(self.content["reason"])

    def with_payload(self, payload: bytes) -> QuarantinedRecord:
        content = self.content | {_PAYLOAD: base64.b64encode(payload).decode()}
        return replace(self, content=content, payload=payload)

    def event_record(self, stream_arn: str) -> dict[str, Any]:
        """Build what the event source mapping once delivered; the ARN is of the posts stream."""
        content = self.content
        arrived_at = datetime.fromisoformat(content["arrived_at"])
        return {
            "kinesis": {
                "sequenceNumber": content["sequence_number"],
                "data": content[_PAYLOAD],
                "approximateArrivalTimestamp": arrived_at.timestamp(),
            },
            "eventSource": "aws:kinesis",
            "eventID": f"{content['shard']}:{content['sequence_number']}",
            # The record's own stream: one that was made anew has another name.
            "eventSourceARN": f"{stream_arn.rpartition('/')[0]}/{content['stream']}",
        }

    def encode(self) -> bytes:
        return json.dumps(self.content).encode()
