"""Send the posts of a file to the posts stream."""

from __future__ import annotations

import csv
import itertools
import json
import math
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from cli.errors import OperatorError, sentence
from stresswatch.posts import NUMERIC_FEATURES
from stresswatch.producer import InvalidRecord, Producer, partition_key
from stresswatch.streams import MAXIMUM_RECORDS, Position, StreamRecord

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient

_REQUESTS_PER_SECOND = 5
"""How finely a rate is kept: a slow one is sent in small requests, not in bursts of 500."""


@dataclass(frozen=True)
class Step:
    """What came of the next few records.

    Attributes
    ----------
    sent : int
        How many the stream took.
    unsent : list of StreamRecord
        The others: refused to the last attempt, or too large for the stream.
    """

    sent: int
    unsent: list[StreamRecord] = field(default_factory=list)


def read_records(path: Path) -> Iterator[StreamRecord]:
    """Read a file of JSON Lines or CSV as records, lazily.

    Lines of JSON go as they are, valid or not: the stream's predictor judges them. A CSV has the
    columns of Dreaddit or of the post contract, and is checked to its end first: a row that cannot
    be read must not be met when those before it were sent.

    Raises
    ------
    OperatorError
        When the file is not there, is empty, or is a damaged CSV or one without the columns of a
        post.
    """
    readers = {".csv": _read_csv, ".jsonl": _read_json_lines, ".ndjson": _read_json_lines}
    check_is_file(path)
    if path.suffix.lower() not in readers:
        raise OperatorError(f"{path} is no file of posts: its name must end in .jsonl or .csv.")
    records = _readable(path, readers[path.suffix.lower()](path))
    if (first := next(records, None)) is None:
        raise OperatorError(f"{path} holds no post.")
    return itertools.chain([first], records)


def check_is_file(path: Path) -> None:
    """See that there is a file to read.

    Raises
    ------
    OperatorError
        When there is nothing, or a folder.
    """
    if not path.exists():
        raise OperatorError(f"There is no file {path}.")
    if path.is_dir():
        raise OperatorError(f"{path} is a folder; give a file of posts.")


def produce(
    kinesis: KinesisClient,
    stream: str,
    records: Iterable[StreamRecord],
    *,
    rate: float | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Step]:
    """Send records in the order given, at most `rate` a second, and tell of them step by step.

    Every record is in exactly one step. When AWS fails, all records that are left are given as
    unsent before the error is raised, so that nothing is lost; those that the failed request had
    brought may have been taken. When somebody stops it, what is on its way is counted first, so
    that the next run can begin with the record after it.

    Raises
    ------
    OperatorError
        When a request fails as a whole.
    """
    left = iter(records)
    at_once = MAXIMUM_RECORDS
    if rate:
        at_once = max(1, int(min(MAXIMUM_RECORDS, rate / _REQUESTS_PER_SECOND)))
    due = clock()
    with Producer(kinesis, stream, linger_seconds=math.inf, sleep=sleep) as producer:
        while batch := list(itertools.islice(left, at_once)):
            if rate:
                if (early := due - clock()) > 0:
                    sleep(early)
                due = max(due, clock()) + len(batch) / rate  # time that was lost is not caught up
            counted = producer.metrics().taken
            try:
                unsent, error = _send(producer, batch)
            except KeyboardInterrupt:
                producer.close()
                yield Step(producer.metrics().taken - counted)
                raise
            yield Step(len(batch) - len(unsent), unsent)
            if error:
                while batch := list(itertools.islice(left, MAXIMUM_RECORDS)):
                    yield Step(0, batch)
                raise OperatorError(f"Sending stopped: {sentence(error)}") from error


def _send(
    producer: Producer, batch: list[StreamRecord]
) -> tuple[list[StreamRecord], BotoCoreError | ClientError | None]:
    """Send records; give those that were not taken, and the error of a request as a whole."""
    futures: list[tuple[StreamRecord, Future[Position] | None]] = []
    for record in batch:
        try:
            futures.append((record, producer.put_record(record)))
        except InvalidRecord:
            futures.append((record, None))
    producer.flush()
    unsent, cause = [], None
    for record, future in futures:
        error = future.exception() if future else None
        if error or not future:
            unsent.append(record)
        if error and isinstance(error.__cause__, BotoCoreError | ClientError):
            cause = error.__cause__
    return unsent, cause


def _readable(path: Path, records: Iterator[StreamRecord]) -> Iterator[StreamRecord]:
    try:
        yield from records
    except OSError as error:
        raise OperatorError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise OperatorError(f"{path} is not UTF-8; save it as UTF-8 first.") from error


def _read_json_lines(path: Path) -> Iterator[StreamRecord]:
    with path.open("rb") as lines:
        for line in lines:
            if data := line.strip():
                yield StreamRecord(_partition_key(data), data)


def _partition_key(data: bytes) -> str:
    try:
        post_id = json.loads(data)["post_id"]
    except (ValueError, KeyError, TypeError, RecursionError):
        post_id = None
    return partition_key(data, post_id if isinstance(post_id, str) else None)


def _read_csv(path: Path) -> Iterator[StreamRecord]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        _check_csv(path, file)
        file.seek(0)
        rows = csv.DictReader(file)
        if missing := {"post_id", "text"} - set(rows.fieldnames or ()):
            raise OperatorError(f"{path} lacks the column {' and '.join(sorted(missing))}.")
        for row in rows:
            data = json.dumps(_post_of(row)).encode()
            yield StreamRecord(_partition_key(data), data)


def _check_csv(path: Path, file: IO[str]) -> None:
    rows = csv.reader(file, strict=True)
    try:
        for _ in rows:
            pass
    except csv.Error as error:
        raise OperatorError(f"{path} is no valid CSV: {error}, line {rows.line_num}.") from error


def _post_of(row: dict[str, str]) -> dict[str, Any]:
    post: dict[str, Any] = {"post_id": row["post_id"], "text": row["text"]}
    for name in NUMERIC_FEATURES:
        if value := row.get(name):
            post[name] = _number(value)
    if source := row.get("source") or row.get("subreddit"):
        post["source"] = source
    if created_at := row.get("created_at") or _moment(row.get("social_timestamp")):
        post["created_at"] = created_at
    return post


def _number(value: str) -> float | str:
    try:
        return float(value)
    except ValueError:
        return value  # as it is: the predictor names what is wrong with it


def _moment(timestamp: str | None) -> str | None:
    """Give Dreaddit's seconds since the epoch as ISO 8601; anything else as it is."""
    try:
        return datetime.fromtimestamp(float(timestamp), UTC).isoformat() if timestamp else None
    except (ValueError, OverflowError, OSError):
        return timestamp
