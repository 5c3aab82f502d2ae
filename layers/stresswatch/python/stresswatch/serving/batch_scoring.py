"""Batch scoring: a large JSON Lines file of posts in S3, in parts that are scored in parallel.

A part is a range of bytes and has the lines that begin in it, so cutting a file needs no reading. A
part's results depend only on the file, the part and the model, except for the timestamp. Scoring a
part again replaces its results.
"""

from __future__ import annotations

import gzip
import io
import itertools
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from stresswatch.contracts.predictions import Prediction, Record, Rejection, read_records
from stresswatch.task.definition import TASK
from stresswatch.versions.champion import ServedModel

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PREFIX = "scoring/"
"""Prefixes in the training bucket for files, which have text, and results, which have none."""
MANIFEST_FILE = "manifest.json"
RUN_FILE = "run.json"
SUMMARY_FILE = "summary.json"
COUNTS_PREFIX = "counts/"
INVALID_PREFIX = "invalid/"
MAXIMUM_LINE_BYTES = 1024 * 1024
"""Maximum bytes of one post; also the stream's limit for a record."""

_BATCH = 500
_CHUNK = 1024 * 1024


@dataclass(frozen=True)
class Part:
    """The lines that begin at or after byte `start` and before byte `end` of an object.

    Attributes
    ----------
    etag : str
        Of the object when it was cut; a changed object is refused.
    """

    number: int
    key: str
    etag: str
    start: int
    end: int

    @property
    def name(self) -> str:
        return f"part-{self.number:06}"


@dataclass
class Counts:
    """Results of one or many parts; invalid lines are counted by reason."""

    posts: int = 0
    positive: int = 0
    invalid: Counter[str] = field(default_factory=Counter)

    def add(self, other: Counts) -> None:
        self.posts += other.posts
        self.positive += other.positive
        self.invalid += other.invalid

    def as_dict(self) -> dict[str, Any]:
        return {
            "posts": self.posts,
            TASK.label.field: self.positive,
            "invalid": dict(self.invalid),
        }

    @staticmethod
    def from_bytes(content: bytes) -> Counts:
        read = json.loads(content)
        return Counts(read["posts"], read[TASK.label.field], Counter(read["invalid"]))


def results_of(key: str, version: str) -> str:
    """Return the folder, beside a file, for its predictions by a version."""
    return f"{key}.scored/{version}/"


def parts_of(key: str, etag: str, size: int, part_bytes: int) -> list[Part]:
    """Cut an object of `size` bytes."""
    return [
        Part(number, key, etag, start, min(start + part_bytes, size))
        for number, start in enumerate(range(0, size, part_bytes))
    ]


def score_part(s3: S3Client, bucket: str, part: Part, results: str, model: ServedModel) -> Counts:
    """Score a part; write its predictions, invalid lines and finally counts to the results folder.

    Predictions are archive rows. A post without an id gets the byte offset of its line. For an
    invalid line, only this offset and the reason are stored.

    Raises
    ------
    botocore.exceptions.ClientError
        When the object has changed, or S3 refuses.
    """
    # A line that begins at the first byte is recognised by the line break before it.
    first = max(part.start - 1, 0)
    span = f"bytes={first}-{part.end + MAXIMUM_LINE_BYTES}"
    answer = s3.get_object(Bucket=bucket, Key=part.key, Range=span, IfMatch=part.etag)
    counts, predicted, rejected = Counts(), _Packed(), _Packed()
    with closing(answer["Body"]) as body:
        lines = lines_of(body.iter_chunks(_CHUNK), part.start, part.end)
        while batch := list(itertools.islice(lines, _BATCH)):
            predictions, rejections = _score(batch, part, model)
            counts.posts += len(predictions)
            counts.positive += sum(prediction.is_positive for prediction in predictions)
            counts.invalid.update(rejection.reason for rejection in rejections)
            predicted.write(prediction.archive_line() for prediction in predictions)
            rejected.write(map(_rejection_line, rejections))
    predicted.put(s3, bucket, f"{results}{part.name}.jsonl.gz")
    if counts.invalid:
        rejected.put(s3, bucket, f"{results}{INVALID_PREFIX}{part.name}.jsonl.gz")
    s3.put_object(
        Bucket=bucket,
        Key=f"{results}{COUNTS_PREFIX}{part.name}.json",
        Body=json.dumps(counts.as_dict()).encode(),
        ContentType="application/json",
    )
    return counts


class _Packed:
    """Lines, compressed while they are written."""

    def __init__(self) -> None:
        self._bytes = io.BytesIO()
        self._file = gzip.GzipFile("", "wb", 1, self._bytes, mtime=0)

    def write(self, lines: Iterable[str]) -> None:
        self._file.writelines(f"{line}\n".encode() for line in lines)

    def put(self, s3: S3Client, bucket: str, key: str) -> None:
        self._file.close()
        s3.put_object(
            Bucket=bucket,
            Key=key,
            Body=self._bytes.getvalue(),
            ContentType="application/x-ndjson",
            ContentEncoding="gzip",
        )


def lines_of(chunks: Iterable[bytes], start: int, end: int) -> Iterator[tuple[int, bytes | None]]:
    """Yield the lines that begin between `start` and `end`, each with its byte offset.

    Parameters
    ----------
    chunks : iterable of bytes
        The object from byte ``start - 1`` on, or from byte 0 if `start` is 0, up to the end of
        the longest line that begins before `end`.

    Yields
    ------
    tuple of int and bytes
        None instead of a line that exceeds the maximum length.
    """
    position = max(start - 1, 0)
    is_ours = start == 0
    begins, held, is_long = position, bytearray(), False
    for chunk in chunks:
        offset = 0
        while offset < len(chunk):
            if is_ours and begins >= end:
                return
            found = chunk.find(b"\n", offset)
            stop = len(chunk) if found < 0 else found
            if is_ours and not is_long:
                held += chunk[offset:stop]
                is_long = len(held) > MAXIMUM_LINE_BYTES
            if found < 0:
                break
            if is_ours:
                yield begins, None if is_long else bytes(held)
            is_ours, is_long = True, False
            held.clear()
            offset = found + 1
            begins = position + offset
        position += len(chunk)
    if is_ours and begins < end and (held or is_long):
        yield begins, None if is_long else bytes(held)


def _score(
    lines: Iterable[tuple[int, bytes | None]], part: Part, model: ServedModel
) -> tuple[list[Prediction], list[Rejection]]:
    """Predict lines; blank ones are skipped."""
    records, rejections = [], []
    for place, line in lines:
        record = Record((line or b"").strip(), part.key, "file", str(place), arrival=0.0)
        if line is None:
            rejections.append(Rejection(record, "line_too_long", "longer than any post"))
        elif record.data:
            records.append(record)
    posts, invalid = read_records(records)
    predictions = model.predict_records(posts, datetime.now(UTC))
    return predictions, rejections + invalid


def _rejection_line(rejection: Rejection) -> str:
    place = int(rejection.record.sequence_number)
    return json.dumps({"byte": place, "reason": rejection.reason, "detail": rejection.detail})
