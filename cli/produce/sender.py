"""Send the posts of a file to the posts stream."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from cli.errors import OperatorError, sentence
from cli.post_files import PostFile
from stresswatch.contracts.posts import Post
from stresswatch.producer import InvalidRecord, Producer, partition_key
from stresswatch.streaming.put_records import MAXIMUM_RECORDS, Position, StreamRecord

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient

_REQUESTS_PER_SECOND = 5
"""Seconds of records per request: at a low rate, requests are small instead of bursts of 500."""


@dataclass(frozen=True)
class SendResult:
    """The result for the next few records.

    Attributes
    ----------
    sent : int
        Number of records that the stream took.
    unsent : list of StreamRecord
        The others: refused on the last attempt, or too large for the stream.
    """

    sent: int
    unsent: list[StreamRecord] = field(default_factory=list)


def records_of(file: PostFile) -> Iterator[StreamRecord]:
    """Yield the rows of a file as records, with posts in the contract's form.

    An invalid row is passed on unchanged: the predictor puts it in quarantine.
    """
    for row in file.rows():
        post_id = row.found.post_id if isinstance(row.found, Post) else None
        yield StreamRecord(partition_key(row.data, post_id), row.data)


def produce(
    kinesis: KinesisClient,
    stream: str,
    records: Iterable[StreamRecord],
    *,
    rate: float | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[SendResult]:
    """Send records in order, at most `rate` per second, and report them step by step.

    Every record is in exactly one step. When AWS fails, all remaining records are reported as
    unsent before the error is raised, so that none is lost. The stream may have taken those of the
    failed request. An interruption first counts the records in flight, so that the next run can
    begin after them.

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
                due = max(due, clock()) + len(batch) / rate  # lost time is not caught up
            counted = producer.metrics().taken
            try:
                unsent, error = _send(producer, batch)
            except KeyboardInterrupt:
                producer.close()
                yield SendResult(producer.metrics().taken - counted)
                raise
            yield SendResult(len(batch) - len(unsent), unsent)
            if error:
                while batch := list(itertools.islice(left, MAXIMUM_RECORDS)):
                    yield SendResult(0, batch)
                raise OperatorError(f"Sending stopped: {sentence(error)}") from error


def _send(
    producer: Producer, batch: list[StreamRecord]
) -> tuple[list[StreamRecord], BotoCoreError | ClientError | None]:
    """Send records; return the refused ones, and the error of a request as a whole."""
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
