"""The archive of predictions in S3: one object per invocation, partitioned by hour.

Objects are gzipped JSON Lines under ``predictions/date=YYYY-MM-DD/hour=HH/``. They are never
overwritten. A redelivery, with other batch limits or another champion, adds its own object, and
reading keeps one row for each `prediction_id`. So later deliveries do not change earlier results,
unless a function's clock is late.

An object's name has the shard, the range of its records, the first record's arrival, and the common
prediction time. So a listing shows the objects of a time window, and others that may have the same
records.
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
"""Objects requested at a time."""
CONNECTIONS = Config(max_pool_connections=READERS)
"""For a client that reads."""
_READ_AT_ONCE = 256
"""Objects in memory at a time."""
_MILLISECOND = timedelta(milliseconds=1)
_TAKEN = ("", "")
"""Precedes every row: of two equal rows, the second is left out."""


def write(
    s3: S3Client,
    bucket: str,
    batch: Sequence[Record],
    predictions: Sequence[Prediction],
    prefix: str = PREFIX,
) -> None:
    """Archive a batch's predictions, in addition to an earlier delivery's objects."""
    at = datetime.fromisoformat(predictions[0].predicted_at)
    lines = (prediction.archive_line() for prediction in predictions)
    write_lines(s3, bucket, prefix, batch, at, lines)


def write_lines(
    s3: S3Client,
    bucket: str,
    prefix: str,
    batch: Sequence[Record],
    at: datetime,
    lines: Iterable[str],
) -> None:
    """Write a batch's JSON lines, which share one time, as an object."""
    first, last = batch[0], batch[-1]
    # The lowest level: higher ones save few bytes, and take as long as the prediction.
    body = gzip.compress("\n".join(lines).encode("utf-8"), compresslevel=1, mtime=0)
    place = f"{first.shard}-{first.sequence_number}-{last.sequence_number}"
    arrived = _compact(min(batch, key=lambda record: record.arrival).arrived_at)
    digest = hashlib.sha256(body).hexdigest()[:12]
    s3.put_object(
        Bucket=bucket,
        Key=f"{_hour_prefix(prefix, at)}{place}-{arrived}-{_compact(at)}-{digest}.jsonl.gz",
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
    """Read the rows predicted from `start` up to, but excluding, `end`; both with a time zone.

    If a record was delivered more than once, the earliest prediction counts, and among simultaneous
    ones the older version's. With `post_ids`, other posts' rows are left out, and take no memory.
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
    """Yield the rows of `read`, in no particular order, with few in memory at a time.

    A record whose first prediction is at most `look_back` before `start` is left out, so each
    record belongs to exactly one of consecutive windows.

    Duplicates exist only if a batch was repeated, whose objects have overlapping names. Only such
    objects are read before the first row is yielded, and remembered.
    """
    earlier = objects(s3, bucket, start - look_back, start, prefix)
    found = objects(s3, bucket, start, end, prefix)
    repeated = overlapping([*earlier, *found])
    first: dict[str, tuple[str, str]] = {}
    for row in _rows(s3, bucket, sorted(repeated)):
        if start - look_back <= datetime.fromisoformat(row["predicted_at"]) < end:
            id_, precedence = row["prediction_id"], _precedence(row)
            first[id_] = min(first.get(id_, precedence), precedence)
    for row in _rows(s3, bucket, [one.key for one in found]):
        id_ = row["prediction_id"]
        if start <= datetime.fromisoformat(row["predicted_at"]) < end and (
            id_ not in first or first[id_] == _precedence(row)
        ):
            if id_ in first:
                first[id_] = _TAKEN
            yield row


class ArchivedObject(NamedTuple):
    """An object of the archive, described by its name.

    Attributes
    ----------
    first, last : int
        Range of its sequence numbers in the shard.
    arrived : datetime
        When its first record arrived; earlier deliveries of its records are not older.
    at : datetime
        When its records were predicted.
    """

    shard: str
    first: int
    last: int
    arrived: datetime
    at: datetime
    key: str

    @staticmethod
    def of(key: str) -> ArchivedObject:
        """Parse a key.

        Raises
        ------
        ValueError
            When `write` never produces such a key.
        """
        shard, first, last, arrived, at, _ = key.rpartition("/")[2].rsplit("-", 5)
        return ArchivedObject(shard, int(first), int(last), _moment(arrived), _moment(at), key)

    @property
    def name(self) -> str:
        return self.key.rpartition("/")[2]


def objects(
    s3: S3Client, bucket: str, start: datetime, end: datetime, prefix: str = PREFIX, shard: str = ""
) -> list[ArchivedObject]:
    """List the objects predicted from `start` up to, but excluding, `end`; optionally of one shard.

    Names have milliseconds: an object in the same millisecond as `start` counts as well.
    """
    of_shard = f"{shard}-" if shard else ""
    return [
        one
        for hour in hour_prefixes(prefix, start, end)
        for found in listed(s3, bucket, f"{hour}{of_shard}")
        if start - _MILLISECOND < (one := ArchivedObject.of(found["Key"])).at < end
    ]


def overlapping(objects: Iterable[ArchivedObject]) -> set[str]:
    """Return the keys of objects whose ranges overlap in a shard."""
    found = set()
    reach: ArchivedObject | None = None
    for one in sorted(objects):
        if reach and one.shard == reach.shard and one.first <= reach.last:
            found |= {reach.key, one.key}
        if not reach or one.shard != reach.shard or one.last > reach.last:
            reach = one
    return found


def _precedence(row: dict[str, Any]) -> tuple[str, str]:
    # Times are written in UTC, so their texts sort chronologically; version names sort by age.
    return row["predicted_at"], row["model_version"]


def _rows(s3: S3Client, bucket: str, keys: Sequence[str]) -> Iterator[dict[str, Any]]:
    def fetch(key: str) -> bytes:
        return s3.get_object(Bucket=bucket, Key=key)["Body"].read()

    with ThreadPoolExecutor(READERS) as pool:
        for begin in range(0, len(keys), _READ_AT_ONCE):
            for body in pool.map(fetch, keys[begin : begin + _READ_AT_ONCE]):
                yield from map(json.loads, gzip.decompress(body).splitlines())


def hour_prefixes(prefix: str, start: datetime, end: datetime) -> Iterator[str]:
    """Return the prefix of each hour between `start` and `end`."""
    hour = start.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    while hour < end:
        yield _hour_prefix(prefix, hour)
        hour += timedelta(hours=1)


def _hour_prefix(prefix: str, timestamp: datetime) -> str:
    return f"{prefix}{timestamp.astimezone(UTC):date=%Y-%m-%d/hour=%H/}"


def _compact(timestamp: datetime) -> str:
    # Without hyphens, which separate a name's parts.
    return f"{timestamp.astimezone(UTC):%Y%m%dT%H%M%S%f}"[:-3] + "Z"


def _moment(compact: str) -> datetime:
    return datetime.fromisoformat(f"{compact[:-4]}.{compact[-4:]}")
