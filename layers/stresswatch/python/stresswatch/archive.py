"""The archive of predictions in S3: one object an invocation, partitioned by hour.

Objects are gzipped JSON Lines under ``predictions/date=YYYY-MM-DD/hour=HH/``. Nothing is ever
overwritten: a redelivery, which may be cut differently and meet another champion, adds an object
of its own, and reading keeps one row for each `prediction_id`. So a later delivery does not change
what the reader once returned, unless its function's clock is behind.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Container, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from stresswatch.predictions import Prediction, Record

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PREFIX = "predictions/"


def write(
    s3: S3Client,
    bucket: str,
    batch: Sequence[Record],
    predictions: Sequence[Prediction],
    prefix: str = PREFIX,
) -> None:
    """Archive the predictions of a batch, beside whatever an earlier delivery left of it."""
    first, last = batch[0], batch[-1]
    hour = _hour_prefix(prefix, datetime.fromisoformat(predictions[0].predicted_at))
    lines = (prediction.archive_line() for prediction in predictions)
    # The lowest level: a higher one saves few bytes, and takes as long as the prediction.
    body = gzip.compress("\n".join(lines).encode("utf-8"), compresslevel=1, mtime=0)
    place = f"{first.shard}-{first.sequence_number}-{last.sequence_number}"
    s3.put_object(
        Bucket=bucket,
        Key=f"{hour}{place}-{hashlib.sha256(body).hexdigest()[:12]}.jsonl.gz",
        Body=body,
        ContentType="application/x-ndjson",
        ContentEncoding="gzip",
    )


def read(
    s3: S3Client,
    bucket: str,
    start: datetime,
    end: datetime,
    post_ids: Container[str] | None = None,
    prefix: str = PREFIX,
) -> list[dict[str, Any]]:
    """Read the rows predicted from `start` up to, not including, `end`; both with a time zone.

    Where a record was delivered more than once, the earliest of these predictions stands, and of
    two at the same moment the one of the older version. With `post_ids`, rows of other posts are
    left out, and take no memory.
    """
    rows: dict[str, dict[str, Any]] = {}
    for row in _rows(s3, bucket, prefix, start, end):
        known = rows.get(row["prediction_id"])
        if post_ids is not None and row["post_id"] not in post_ids:
            continue
        if start <= datetime.fromisoformat(row["predicted_at"]) < end and (
            known is None or _precedence(row) < _precedence(known)
        ):
            rows[row["prediction_id"]] = row
    return sorted(rows.values(), key=lambda row: (row["predicted_at"], row["prediction_id"]))


def _precedence(row: dict[str, Any]) -> tuple[str, str]:
    # Moments are all written in UTC, so their texts sort as they do; names of versions do by age.
    return row["predicted_at"], row["model_version"]


def _rows(
    s3: S3Client, bucket: str, prefix: str, start: datetime, end: datetime
) -> Iterator[dict[str, Any]]:
    pages = s3.get_paginator("list_objects_v2")
    for hour in _hour_prefixes(prefix, start, end):
        for page in pages.paginate(Bucket=bucket, Prefix=hour):
            for found in page.get("Contents", []):
                body = s3.get_object(Bucket=bucket, Key=found["Key"])["Body"].read()
                yield from map(json.loads, gzip.decompress(body).splitlines())


def _hour_prefixes(prefix: str, start: datetime, end: datetime) -> Iterator[str]:
    hour = start.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    while hour < end:
        yield _hour_prefix(prefix, hour)
        hour += timedelta(hours=1)


def _hour_prefix(prefix: str, moment: datetime) -> str:
    return f"{prefix}{moment.astimezone(UTC):date=%Y-%m-%d/hour=%H/}"
