"""Send the posts of a file to the posts stream."""

from __future__ import annotations

import csv
import hashlib
import itertools
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.errors import OperatorError
from stresswatch.posts import NUMERIC_FEATURES
from stresswatch.streams import MAXIMUM_RECORDS, StreamRecord, put_records

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient

MAXIMUM_RECORD_BYTES = 1024 * 1024
"""Of one record; the stream's default limit."""


@dataclass(frozen=True)
class Sent:
    """What came of a file.

    Attributes
    ----------
    unsent : list of StreamRecord
        Refused to the last attempt, or too large for the stream.
    """

    records: int
    unsent: list[StreamRecord]


def read_records(path: Path) -> Iterator[StreamRecord]:
    """Read a file of JSON Lines or CSV as records, lazily.

    Lines of JSON go as they are, valid or not: the stream's predictor judges them. A CSV has the
    columns of Dreaddit or of the post contract.

    Raises
    ------
    OperatorError
        When the file is not there, is empty, or is a CSV without the columns of a post.
    """
    readers = {".csv": _read_csv, ".jsonl": _read_json_lines, ".ndjson": _read_json_lines}
    if path.suffix not in readers:
        raise OperatorError(f"{path} is none of {', '.join(readers)}.")
    try:
        records = readers[path.suffix](path)
        first = next(records, None)
    except OSError as error:
        raise OperatorError(f"{path} cannot be read: {error.strerror}.") from error
    if first is None:
        raise OperatorError(f"{path} holds no post.")
    return itertools.chain([first], records)


def produce(
    kinesis: KinesisClient,
    stream: str,
    records: Iterator[StreamRecord],
    *,
    rate: float | None = None,
    on_sent: Callable[[int], object] | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Sent:
    """Send records in the order given, at most `rate` a second.

    Parameters
    ----------
    on_sent : callable
        Told how many records each request has settled.
    """
    started, settled, unsent = clock(), 0, []
    while chunk := list(itertools.islice(records, MAXIMUM_RECORDS)):
        fitting = [record for record in chunk if record.size <= MAXIMUM_RECORD_BYTES]
        unsent += [record for record in chunk if record.size > MAXIMUM_RECORD_BYTES]
        positions = put_records(kinesis, stream, fitting, attempts=8, sleep=sleep)
        unsent += [
            record for record, place in zip(fitting, positions, strict=True) if place is None
        ]
        settled += len(chunk)
        if on_sent:
            on_sent(len(chunk))
        if rate and (ahead := settled / rate - (clock() - started)) > 0:
            sleep(ahead)
    return Sent(settled - len(unsent), unsent)


def _read_json_lines(path: Path) -> Iterator[StreamRecord]:
    with path.open("rb") as lines:
        for line in lines:
            if data := line.strip():
                yield StreamRecord(_partition_key(data), data)


def _partition_key(data: bytes) -> str:
    try:
        key = json.loads(data)["post_id"]
    except (ValueError, KeyError, TypeError, RecursionError):
        key = None
    if isinstance(key, str) and 0 < len(key) <= 256 and key.isprintable():
        return key
    return hashlib.sha256(data).hexdigest()


def _read_csv(path: Path) -> Iterator[StreamRecord]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file)
            if not {"post_id", "text"} <= set(rows.fieldnames or ()):
                raise OperatorError(f"{path} lacks the column post_id or text.")
            for row in rows:
                data = json.dumps(_post_of(row)).encode()
                yield StreamRecord(_partition_key(data), data)
    except UnicodeDecodeError as error:
        raise OperatorError(f"{path} is not UTF-8.") from error


def _post_of(row: dict[str, str]) -> dict[str, Any]:
    post: dict[str, Any] = {"post_id": row["post_id"], "text": row["text"]}
    for name in NUMERIC_FEATURES:
        if value := row.get(name):
            post[name] = _number(value)
    for name in ("source", "created_at"):
        if value := row.get(name):
            post[name] = value
    if "source" not in post and row.get("subreddit"):
        post["source"] = row["subreddit"]
    return post


def _number(value: str) -> float | str:
    try:
        return float(value)
    except ValueError:
        return value  # as it is: the predictor names what is wrong with it
