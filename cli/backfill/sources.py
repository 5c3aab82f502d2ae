"""Sources of posts to score: a file, or the records in the posts stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from cli.post_files import PostFile
from stresswatch.contracts.predictions import Record

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient
    from mypy_boto3_kinesis.type_defs import RecordTypeDef

_RECORDS_A_READ = 2000
_BYTES_A_SECOND = 1024 * 1024
_SECONDS_A_READ = 0.4
"""Half of a shard's read throughput: the predictor has the other half."""


def records_of_file(file: PostFile) -> Iterator[Record]:
    """Return the rows of a file as records, each with its position."""
    for row in file.rows():
        yield Record(row.data, file.path.name, "file", str(row.number), arrival=0.0)


@dataclass(frozen=True)
class StreamRange:
    """Records that a stream took from `start` to before `end`, by the stream's clock."""

    kinesis: KinesisClient
    stream_arn: str
    start: datetime
    end: datetime
    sleep: Callable[[float], None]

    def records(self) -> Iterator[Record]:
        """Read shard after shard, including shards that were split or merged."""
        pages = self.kinesis.get_paginator("list_shards").paginate(StreamARN=self.stream_arn)
        for page in pages:
            for shard in page["Shards"]:
                yield from self._shard(shard["ShardId"])

    def _shard(self, shard: str) -> Iterator[Record]:
        iterator = self.kinesis.get_shard_iterator(
            StreamARN=self.stream_arn,
            ShardId=shard,
            ShardIteratorType="AT_TIMESTAMP",
            Timestamp=self.start,
        )["ShardIterator"]
        while iterator:
            answer = self.kinesis.get_records(
                StreamARN=self.stream_arn, ShardIterator=iterator, Limit=_RECORDS_A_READ
            )
            read = answer["Records"]
            for record in read:
                if self.start <= record["ApproximateArrivalTimestamp"] < self.end:
                    yield self._record(shard, record)
            # Arrival times are approximate, so later records can have earlier times.
            is_past = all(record["ApproximateArrivalTimestamp"] >= self.end for record in read)
            if is_past and (read or not answer["MillisBehindLatest"]):
                return
            iterator = answer.get("NextShardIterator", "")
            size = sum(len(record["Data"]) for record in read)
            self.sleep(max(_SECONDS_A_READ, size / _BYTES_A_SECOND))

    def _record(self, shard: str, record: RecordTypeDef) -> Record:
        arrival = record["ApproximateArrivalTimestamp"].timestamp()
        stream = self.stream_arn.rpartition("/")[2]
        return Record(record["Data"], stream, shard, record["SequenceNumber"], arrival)
