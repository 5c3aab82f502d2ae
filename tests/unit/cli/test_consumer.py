"""The predictions stream is read from its beginning, through all changes of its shards."""

import json

import pytest

from cli.deployment.consumer import Consumer
from cli.deployment.target import Target
from stresswatch.aws import stack_outputs


class Kinesis:
    """A stream whose shards end once they were split or merged and read to their end."""

    def __init__(self, **shards):
        self.records = shards
        self.parents = {}
        self.read = []

    def reshard(self, parents, **children):
        self.records |= children
        self.parents |= dict.fromkeys(children, parents)

    def get_paginator(self, _):
        return self

    def describe_stream_summary(self, *, StreamName):  # noqa: N803 - boto3's name
        return {"StreamDescriptionSummary": {"StreamARN": f"arn:{StreamName}"}}

    def paginate(self, *, StreamARN):  # noqa: N803
        names = ("ParentShardId", "AdjacentParentShardId")
        for shard in self.records:
            parents = zip(names, self.parents.get(shard, ()), strict=False)
            yield {"Shards": [{"ShardId": shard, **dict(parents)}]}

    def get_shard_iterator(self, *, StreamARN, ShardId, ShardIteratorType):  # noqa: N803
        places = {"TRIM_HORIZON": 0, "LATEST": len(self.records[ShardId])}
        return {"ShardIterator": f"{ShardId} {places[ShardIteratorType]}"}

    def get_records(self, *, StreamARN, ShardIterator):  # noqa: N803
        shard, place = ShardIterator.split()
        found = self.records[shard][int(place) :][:1]
        self.read += found
        following = int(place) + len(found)
        is_closed = any(shard in parents for parents in self.parents.values())
        is_over = is_closed and following == len(self.records[shard])
        records = [{"Data": json.dumps({"prediction_id": name})} for name in found]
        return {"Records": records} | (
            {} if is_over else {"NextShardIterator": f"{shard} {following}"}
        )


@pytest.fixture
def kinesis():
    return Kinesis(a=["a1", "a2"], b=["b1"])


@pytest.fixture
def target(kinesis):
    return Target("stack", {stack_outputs.PREDICTIONS_STREAM: "stream"}, lambda _: kinesis)


@pytest.fixture
def consumer(target):
    return Consumer(target)


def read_all(consumer):
    while consumer.poll():
        pass
    return sorted(consumer.predictions)


def test_split_shards_are_read_parents_first(kinesis, consumer):
    kinesis.reshard(("a",), c=["c1"], d=["d1"])
    assert read_all(consumer) == ["a1", "a2", "b1", "c1", "d1"]
    assert kinesis.read.index("a2") < min(map(kinesis.read.index, ("c1", "d1")))


def test_shards_created_while_reading_are_read_from_their_start(kinesis, consumer):
    assert read_all(consumer) == ["a1", "a2", "b1"]
    kinesis.reshard(("a",), c=["c1"], d=["d1"])
    kinesis.reshard(("b", "c"), e=["e1"])
    assert read_all(consumer) == ["a1", "a2", "b1", "c1", "d1", "e1"]
    assert consumer.received == 6
    kinesis.records["e"].append("e2")
    assert consumer.poll() == 1


def test_a_shard_whose_parent_has_expired_is_read(kinesis, consumer):
    kinesis.reshard(("gone",), c=["c1"])
    assert read_all(consumer) == ["a1", "a2", "b1", "c1"]


def test_reading_from_now_on_returns_all_later_records_and_no_others(kinesis, target):
    kinesis.reshard(("a",), c=["c1"])
    consumer = Consumer(target, from_now=True)
    assert read_all(consumer) == []
    kinesis.records["c"].append("c2")
    kinesis.reshard(("b", "c"), d=["d1"])
    assert read_all(consumer) == ["c2", "d1"]
