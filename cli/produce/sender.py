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
"""How finely a rate is kept: a slow one is sent in small requests, not in bursts of 500."""


@dataclass(frozen=True)
class SendResult:
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


def records_of(file: PostFile) -> Iterator[StreamRecord]:
    """Return the rows of a file as records, lazily: posts as the contract has them.

    A row that is no post goes as it is: the stream's predictor puts it in quarantine.
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
    """Send records; return those that were not taken, and the error of a request as a whole."""
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
