"""Batch scoring: a large file of posts, JSON Lines in S3, cut into parts that are scored apart.

A part is a range of bytes, and its lines are those that begin in it, so nobody has to read the file
to cut it. What a part gives depends on the file, the part and the model alone, but for the time of
day: a part that is scored again replaces what it left before.
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
"""Of the training bucket: the files, which hold text, and their results, which hold none."""
MANIFEST_FILE = "manifest.json"
RUN_FILE = "run.json"
SUMMARY_FILE = "summary.json"
COUNTS_PREFIX = "counts/"
INVALID_PREFIX = "invalid/"
MAXIMUM_LINE_BYTES = 1024 * 1024
"""Of one post; the stream's limit for a record as well."""

_BATCH = 500
_CHUNK = 1024 * 1024


@dataclass(frozen=True)
class Part:
    """The lines that begin from byte `start` up to, not including, byte `end` of an object.

    Attributes
    ----------
    etag : str
        Of the object as it was when it was cut: another object is refused.
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
    """What came of one part, or of many; lines that are no posts by their reason."""

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
    """Return the folder beside a file in which its predictions by a version are."""
    return f"{key}.scored/{version}/"


def parts_of(key: str, etag: str, size: int, part_bytes: int) -> list[Part]:
    """Cut an object of `size` bytes."""
    return [
        Part(number, key, etag, start, min(start + part_bytes, size))
        for number, start in enumerate(range(0, size, part_bytes))
    ]


def score_part(s3: S3Client, bucket: str, part: Part, results: str, model: ServedModel) -> Counts:
    """Score a part; write its predictions, invalid lines and then counts to the folder of results.

    Predictions are rows of the archive's form. A post without an id gets the byte at which its line
    begins. Of an invalid line that byte is kept, and the reason.

    Raises
    ------
    botocore.exceptions.ClientError
        When the object is another one by now, or S3 refuses.
    """
    # A line that begins at the first byte is known by the line break before it.
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
    """Lines, compressed as they come."""

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
    """Return the lines that begin from `start` up to `end`, each with the byte that it begins at.

    Parameters
    ----------
    chunks : iterable of bytes
        The object from byte ``start - 1`` on, or from its first byte where `start` is 0, and as
        far as the longest line goes that begins before `end`.

    Yields
    ------
    tuple of int and bytes
        None in place of a line that is longer than any post, and was not kept.
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
    """Predict lines; blank ones are neither posts nor invalid."""
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
