"""The quarantine in S3: one object for each rejected record, with its payload and the reason.

The key depends on the record's place in the stream alone, so that a redelivery overwrites what an
earlier delivery wrote and a record is never in quarantine twice.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from stresswatch.contracts.predictions import Rejection

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PREFIX = "quarantine/"
FAILED_BATCHES = "aws/lambda/"
"""Where Lambda puts, in a failure destination, the batches that a mapping gave up."""
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
            Body=_body(rejection),
            ContentType="application/json",
        )

    with ThreadPoolExecutor(_PARALLEL_WRITES) as pool:
        list(pool.map(put, rejections))


def key(rejection: Rejection) -> str:
    """Name the object of a rejected record."""
    record = rejection.record
    return f"{PREFIX}{day(record.arrived_at)}/{record.shard}-{record.sequence_number}.json"


def day(arrived_at: datetime) -> str:
    """Name the folder of what arrived at a moment; names sort as the days do."""
    return f"{arrived_at.astimezone(UTC):date=%Y-%m-%d}"


def _body(rejection: Rejection) -> bytes:
    record = rejection.record
    return json.dumps(
        {
            "reason": rejection.reason,
            "detail": rejection.detail,
            "stream": record.stream,
            "shard": record.shard,
            "sequence_number": record.sequence_number,
            "arrived_at": record.arrived_at.isoformat(),
            "payload_base64": base64.b64encode(record.data).decode(),
        }
    ).encode()
