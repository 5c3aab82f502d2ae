"""Write to a Kinesis stream with `PutRecords`, which may accept some records and refuse others."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient

MAXIMUM_RECORDS = 500
MAXIMUM_BYTES = 5 * 1024 * 1024
"""Limits for one `PutRecords` request; the bytes count data and partition keys.

AWS has accepted 10 MiB since 2025. Emulators still refuse more than 5, and requests reach their
maximum number of posts long before either.
"""
MAXIMUM_RECORD_BYTES = 1024 * 1024
"""Maximum size of one record, key and data; streams accept more only if configured."""


class StreamRecord(NamedTuple):
    """A record to write: the partition key, at most 256 characters, and the data."""

    partition_key: str
    data: bytes

    @property
    def size(self) -> int:
        return len(self.partition_key.encode("utf-8")) + len(self.data)


class Position(NamedTuple):
    """A record's position in a stream."""

    shard: str
    sequence_number: str


class PutResult(NamedTuple):
    """A stream's answer to one request.

    Attributes
    ----------
    taken : list of (int, Position)
        Indices of accepted records in the input, with their positions in the stream.
    refused : list of int
        Indices of the refused ones.
    """

    taken: list[tuple[int, Position]]
    refused: list[int]


def requests(records: Sequence[StreamRecord]) -> Iterator[range]:
    """Split records into requests within the limits, each given as an index range."""
    start = size = 0
    for place, record in enumerate(records):
        record_size = record.size
        if place - start == MAXIMUM_RECORDS or (
            place > start and size + record_size > MAXIMUM_BYTES
        ):
            yield range(start, place)
            start, size = place, 0
        size += record_size
    if start < len(records):
        yield range(start, len(records))


def put_records(
    kinesis: KinesisClient,
    stream: str,
    records: Sequence[StreamRecord],
    *,
    attempts: int = 4,
    sleep: Callable[[float], None] = time.sleep,
) -> list[Position | None]:
    """Write records, and rewrite only those that an answer reports as refused.

    The delays between attempts are random up to 0.1 s, 0.2 s, 0.4 s and so on ("full jitter").

    Returns
    -------
    list of Position or None
        Each record's position; None for one that the last attempt also refused.
    """
    positions: list[Position | None] = [None] * len(records)
    for answer in put_persistently(kinesis, stream, records, attempts=attempts, sleep=sleep):
        for place, position in answer.taken:
            positions[place] = position
    return positions


def put_persistently(
    kinesis: KinesisClient,
    stream: str,
    records: Sequence[StreamRecord],
    *,
    attempts: int,
    sleep: Callable[[float], None],
) -> Iterator[PutResult]:
    """Do the work of `put_records`, and yield each answer as it arrives.

    So the caller knows the accepted records, even if a later request fails.
    """
    for places in requests(records):
        waiting = list(places)
        for attempt in range(attempts):
            if attempt:
                sleep(random.uniform(0, 0.1 * 2 ** (attempt - 1)))  # noqa: S311 - no secret
            answer = _put(kinesis, stream, records, waiting)
            yield answer
            waiting = answer.refused
            if not waiting:
                break


def _put(
    kinesis: KinesisClient, stream: str, records: Sequence[StreamRecord], places: Sequence[int]
) -> PutResult:
    response = kinesis.put_records(
        StreamName=stream,
        Records=[
            {"PartitionKey": records[place].partition_key, "Data": records[place].data}
            for place in places
        ],
    )
    answer = PutResult([], [])
    for place, result in zip(places, response["Records"], strict=True):
        if result.get("ErrorCode"):
            answer.refused.append(place)
        else:
            answer.taken.append((place, Position(result["ShardId"], result["SequenceNumber"])))
    return answer
