"""The quarantine in S3: one object per rejected record, with its payload and the reason.

Only `encode` and `QuarantinedRecord` know the format of such an object.

The key depends only on the record's position in the stream. So a redelivery overwrites the earlier
object, and a record is never in quarantine twice.
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
"""An object's fields for queries, without the post's content."""
_PAYLOAD = "payload_base64"
_PARALLEL_WRITES = 16


def write(s3: S3Client, bucket: str, rejections: Sequence[Rejection]) -> None:
    """Put rejected records in quarantine.

    Raises
    ------
    botocore.exceptions.ClientError
        When an object could not be written.
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
    """Return the key of a rejected record's object."""
    record = rejection.record
    return f"{folder(record.arrived_at)}{record.shard}-{record.sequence_number}.json"


def folder(arrived_at: datetime) -> str:
    """Return the prefix for a day's objects."""
    return f"{PREFIX}{day(arrived_at)}/"


def day(arrived_at: datetime) -> str:
    """Return the folder for a time of arrival; names sort by day."""
    return f"{arrived_at.astimezone(UTC):date=%Y-%m-%d}"


def encode(rejection: Rejection) -> bytes:
    """Return the content of a rejected record's object."""
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
    """An object of the quarantine, as read.

    Attributes
    ----------
    content : dict
        Its JSON, including unknown fields.
    payload : bytes
        The record's data, as sent by the producer.
    """

    content: dict[str, Any]
    payload: bytes
    sequence_number: str

    @staticmethod
    def decode(content: dict[str, Any]) -> QuarantinedRecord:
        """Read an object's JSON; only the necessary fields are required.

        Raises
        ------
        ValueError, TypeError, KeyError
            When it has another format.
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
        """Rebuild the event source mapping's event; the ARN is the posts stream's."""
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
            # The record's original stream, whose name may differ from a recreated one's.
            "eventSourceARN": f"{stream_arn.rpartition('/')[0]}/{content['stream']}",
        }

    def encode(self) -> bytes:
        return json.dumps(self.content).encode()
