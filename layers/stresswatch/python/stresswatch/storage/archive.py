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
from collections.abc import Container, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.config import Config

from stresswatch.aws.s3 import listed
from stresswatch.contracts.predictions import Prediction, Record

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PREFIX = "predictions/"
READERS = 32
"""Objects that are asked for at a time."""
CONNECTIONS = Config(max_pool_connections=READERS)
"""For a client that reads."""
_READ_AT_ONCE = 256
"""Objects that are in memory at a time."""
_TAKEN = ("", "")
"""Precedes every row: of two that say the same, the second is left out."""


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
    rows = (
        row
        for row in stream(s3, bucket, start, end, prefix=prefix)
        if post_ids is None or row["post_id"] in post_ids
    )
    return sorted(rows, key=lambda row: (row["predicted_at"], row["prediction_id"]))


def stream(
    s3: S3Client,
    bucket: str,
    start: datetime,
    end: datetime,
    look_back: timedelta = timedelta(0),
    prefix: str = PREFIX,
) -> Iterator[dict[str, Any]]:
    """Return the rows that `read` gives, in no order, with few of them in memory at a time.

    A record whose first prediction was before `start`, and at most `look_back` before it, is left
    out: so each record belongs to one of the windows that adjoin each other.

    Records come twice only where a batch did, whose objects' names overlap then: no others are
    read before the first row is given, nor remembered.
    """
    earlier = _objects(s3, bucket, prefix, start - look_back, _hour(start))
    objects = _objects(s3, bucket, prefix, _hour(start), end)
    repeated = _overlapping([*earlier, *objects])
    first: dict[str, tuple[str, str]] = {}
    for row in _rows(s3, bucket, sorted(repeated)):
        if start - look_back <= datetime.fromisoformat(row["predicted_at"]) < end:
            id_, precedence = row["prediction_id"], _precedence(row)
            first[id_] = min(first.get(id_, precedence), precedence)
    for row in _rows(s3, bucket, [found.key for found in objects]):
        id_ = row["prediction_id"]
        if start <= datetime.fromisoformat(row["predicted_at"]) < end and (
            id_ not in first or first[id_] == _precedence(row)
        ):
            if id_ in first:
                first[id_] = _TAKEN
            yield row


class _Object(NamedTuple):
    """An object of the archive, by what its name tells."""

    shard: str
    first: int
    last: int
    key: str

    @staticmethod
    def of(key: str) -> _Object:
        shard, first, last, _ = key.rpartition("/")[2].rsplit("-", 3)
        return _Object(shard, int(first), int(last), key)


def _objects(
    s3: S3Client, bucket: str, prefix: str, start: datetime, end: datetime
) -> list[_Object]:
    return [
        _Object.of(found["Key"])
        for hour in _hour_prefixes(prefix, start, end)
        for found in listed(s3, bucket, hour)
    ]


def _overlapping(objects: Iterable[_Object]) -> set[str]:
    """Return the keys of objects whose range of a shard meets another's."""
    found = set()
    reach: _Object | None = None
    for one in sorted(objects):
        if reach and one.shard == reach.shard and one.first <= reach.last:
            found |= {reach.key, one.key}
        if not reach or one.shard != reach.shard or one.last > reach.last:
            reach = one
    return found


def _precedence(row: dict[str, Any]) -> tuple[str, str]:
    # Moments are all written in UTC, so their texts sort as they do; names of versions do by age.
    return row["predicted_at"], row["model_version"]


def _rows(s3: S3Client, bucket: str, keys: Sequence[str]) -> Iterator[dict[str, Any]]:
    def fetch(key: str) -> bytes:
        return s3.get_object(Bucket=bucket, Key=key)["Body"].read()

    with ThreadPoolExecutor(READERS) as pool:
        for begin in range(0, len(keys), _READ_AT_ONCE):
            for body in pool.map(fetch, keys[begin : begin + _READ_AT_ONCE]):
                yield from map(json.loads, gzip.decompress(body).splitlines())


def _hour_prefixes(prefix: str, start: datetime, end: datetime) -> Iterator[str]:
    hour = _hour(start)
    while hour < end:
        yield _hour_prefix(prefix, hour)
        hour += timedelta(hours=1)


def _hour(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _hour_prefix(prefix: str, moment: datetime) -> str:
    return f"{prefix}{moment.astimezone(UTC):date=%Y-%m-%d/hour=%H/}"
