"""The archive of predictions in S3: one object an invocation, partitioned by hour.

Objects are gzipped JSON Lines under ``predictions/date=YYYY-MM-DD/hour=HH/``. A redelivered batch
that is cut differently leaves rows in more than one object, so reading keeps one row for each
`prediction_id`.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from stresswatch.predictions import Prediction, Record

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PREFIX = "predictions/"


def write(
    s3: S3Client, bucket: str, batch: Sequence[Record], predictions: Sequence[Prediction]
) -> None:
    """Archive the predictions of a batch; the same batch again overwrites the same object."""
    first, last = batch[0], batch[-1]
    hour = _hour_prefix(datetime.fromisoformat(predictions[0].predicted_at))
    lines = (prediction.archive_line() for prediction in predictions)
    s3.put_object(
        Bucket=bucket,
        Key=f"{hour}{first.shard}-{first.sequence_number}-{last.sequence_number}.jsonl.gz",
        # The lowest level: a higher one saves few bytes, and takes as long as the prediction.
        Body=gzip.compress("\n".join(lines).encode("utf-8"), compresslevel=1, mtime=0),
        ContentType="application/x-ndjson",
        ContentEncoding="gzip",
    )


def read(s3: S3Client, bucket: str, start: datetime, end: datetime) -> list[dict[str, Any]]:
    """Read the rows predicted from `start` up to, not including, `end`; both with a time zone.

    Where a record was delivered more than once, the first prediction stands.
    """
    rows: dict[str, dict[str, Any]] = {}
    for row in _rows(s3, bucket, start, end):
        predicted_at = datetime.fromisoformat(row["predicted_at"])
        known = rows.get(row["prediction_id"])
        if start <= predicted_at < end and (
            known is None or row["predicted_at"] < known["predicted_at"]
        ):
            rows[row["prediction_id"]] = row
    return sorted(rows.values(), key=lambda row: (row["predicted_at"], row["prediction_id"]))


def _rows(s3: S3Client, bucket: str, start: datetime, end: datetime) -> Iterator[dict[str, Any]]:
    pages = s3.get_paginator("list_objects_v2")
    for prefix in _hour_prefixes(start, end):
        for page in pages.paginate(Bucket=bucket, Prefix=prefix):
            for found in page.get("Contents", []):
                body = s3.get_object(Bucket=bucket, Key=found["Key"])["Body"].read()
                yield from map(json.loads, gzip.decompress(body).splitlines())


def _hour_prefixes(start: datetime, end: datetime) -> Iterator[str]:
    hour = start.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    while hour < end:
        yield _hour_prefix(hour)
        hour += timedelta(hours=1)


def _hour_prefix(moment: datetime) -> str:
    return f"{PREFIX}{moment.astimezone(UTC):date=%Y-%m-%d/hour=%H/}"
