"""The archive of predictions in S3: one object an invocation, partitioned by hour.

Objects are gzipped JSON Lines under ``predictions/date=YYYY-MM-DD/hour=HH/``. Nothing is ever
overwritten: a redelivery, which may be cut differently and meet another champion, adds an object
of its own, and reading keeps one row for each `prediction_id`. So a later delivery does not change
what the reader once returned, unless its function's clock is behind.

An object's name says which records of which shard it holds, when the first of them arrived, and
when all of them were predicted, which is one moment. So a listing tells which objects a window of
time has, and which others may hold the same records.
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
_MILLISECOND = timedelta(milliseconds=1)
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
    """Write lines of JSON that a batch became, all of them at one moment, as an object."""
    first, last = batch[0], batch[-1]
    # The lowest level: a higher one saves few bytes, and takes as long as the prediction.
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
    """An object of the archive, by what its name tells.

    Attributes
    ----------
    first, last : int
        Sequence numbers: it holds no record of its shard from outside of these.
    arrived : datetime
        When the first of its records arrived; no earlier delivery of them is older.
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
        """Read a key.

        Raises
        ------
        ValueError
            When it is none that `write` gives.
        """
        shard, first, last, arrived, at, _ = key.rpartition("/")[2].rsplit("-", 5)
        return ArchivedObject(shard, int(first), int(last), _moment(arrived), _moment(at), key)

    @property
    def name(self) -> str:
        return self.key.rpartition("/")[2]


def objects(
    s3: S3Client, bucket: str, start: datetime, end: datetime, prefix: str = PREFIX, shard: str = ""
) -> list[ArchivedObject]:
    """List the objects predicted from `start` up to, not including, `end`, or one shard's of them.

    Names have milliseconds: an object of the one in which `start` is counts as well.
    """
    of_shard = f"{shard}-" if shard else ""
    return [
        one
        for hour in hour_prefixes(prefix, start, end)
        for found in listed(s3, bucket, f"{hour}{of_shard}")
        if start - _MILLISECOND < (one := ArchivedObject.of(found["Key"])).at < end
    ]


def overlapping(objects: Iterable[ArchivedObject]) -> set[str]:
    """Return the keys of objects whose range of a shard meets another's."""
    found = set()
    reach: ArchivedObject | None = None
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


def hour_prefixes(prefix: str, start: datetime, end: datetime) -> Iterator[str]:
    """Return the prefix of each hour that the time from `start` to `end` touches."""
    hour = start.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    while hour < end:
        yield _hour_prefix(prefix, hour)
        hour += timedelta(hours=1)


def _hour_prefix(prefix: str, moment: datetime) -> str:
    return f"{prefix}{moment.astimezone(UTC):date=%Y-%m-%d/hour=%H/}"


def _compact(moment: datetime) -> str:
    # Without hyphens, which are between a name's parts.
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%S%f}"[:-3] + "Z"


def _moment(compact: str) -> datetime:
    return datetime.fromisoformat(f"{compact[:-4]}.{compact[-4:]}")
