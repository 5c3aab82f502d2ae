"""A consumer of the predictions stream."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from stresswatch.aws import stack_outputs

if TYPE_CHECKING:
    from cli.deployment.target import Target


@dataclass
class Consumer:
    """Read the predictions stream from its beginning, or from the first read on.

    Attributes
    ----------
    from_now : bool
        Whether to skip records from before the first read.
    received : int
        Number of records read.
    predictions : dict of str to dict
        The first prediction of each id.
    """

    target: Target
    from_now: bool = False
    received: int = 0
    predictions: dict[str, dict[str, Any]] = field(default_factory=dict)

    _iterators: dict[str, str | None] = field(default_factory=dict, init=False)

    @cached_property
    def _stream(self) -> str:
        name = self.target.output(stack_outputs.PREDICTIONS_STREAM)
        described = self.target.client("kinesis").describe_stream_summary(StreamName=name)
        return str(described["StreamDescriptionSummary"]["StreamARN"])

    def poll(self) -> int:
        """Read available records; return the number of new ones.

        A shard ends when it is split or merged. Its children are read from their start after its
        end.
        """
        before = self.received
        unread = [*self._iterators] or self._open()
        while unread:
            shard = unread.pop()
            if (iterator := self._iterators[shard]) is None:
                continue
            answer = self.target.client("kinesis").get_records(
                ShardIterator=iterator, StreamARN=self._stream
            )
            for record in answer["Records"]:
                prediction = json.loads(record["Data"])
                self.predictions.setdefault(prediction["prediction_id"], prediction)
            self.received += len(answer["Records"])
            self._iterators[shard] = answer.get("NextShardIterator")
            if self._iterators[shard] is None:
                unread += self._open()
        return self.received - before

    def _open(self) -> list[str]:
        """Start each shard whose parents are read completely or do not exist."""
        kinesis = self.target.client("kinesis")
        is_latest = self.from_now and not self._iterators
        opened = []
        shards = kinesis.get_paginator("list_shards").paginate(StreamARN=self._stream)
        for shard in (shard for page in shards for shard in page["Shards"]):
            id_ = shard["ShardId"]
            parents = (shard.get("ParentShardId"), shard.get("AdjacentParentShardId"))
            is_early = not is_latest and any(self._iterators.get(parent) for parent in parents)
            if id_ in self._iterators or is_early:
                continue
            self._iterators[id_] = kinesis.get_shard_iterator(
                StreamARN=self._stream,
                ShardId=id_,
                ShardIteratorType="LATEST" if is_latest else "TRIM_HORIZON",
            )["ShardIterator"]
            opened.append(id_)
        return opened
