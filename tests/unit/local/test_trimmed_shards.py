"""A reader goes on with the next record when earlier ones leave the stream."""

import base64
import json

import pytest
from ministack.services import kinesis

from local.emulator.trimmed_shards import keep_places

DAY = 24 * 3600


@pytest.fixture
def age(monkeypatch):
    """Make the records of the emulator's stream, empty at first, older by some seconds."""
    monkeypatch.setattr(kinesis, "_streams", type(kinesis._streams)())
    monkeypatch.setattr(kinesis, "_shard_iterators", type(kinesis._shard_iterators)())
    monkeypatch.setattr(kinesis, "_expire_records", kinesis._expire_records)
    kinesis._create_stream({"StreamName": "posts"})

    def age(seconds):
        for record in kinesis._streams["posts"]["shards"]["shardId-000000000000"]["records"]:
            record["ApproximateArrivalTimestamp"] -= seconds

    return age


def put(*payloads):
    for payload in payloads:
        data = base64.b64encode(payload.encode()).decode()
        kinesis._put_record({"StreamName": "posts", "PartitionKey": "key", "Data": data})


def iterator():
    request = {"StreamName": "posts", "ShardId": "shardId-000000000000"}
    answer = kinesis._get_shard_iterator(request | {"ShardIteratorType": "TRIM_HORIZON"})
    return json.loads(answer[2])["ShardIterator"]


def read(place):
    answer = json.loads(kinesis._get_records({"ShardIterator": place})[2])
    records = [base64.b64decode(record["Data"]).decode() for record in answer["Records"]]
    return records, answer["NextShardIterator"]


def read_on_while_the_first_two_become_too_old(age):
    put("a", "b")
    age(DAY - 60)
    records, place = read(iterator())
    assert records == ["a", "b"]
    age(61)
    put("c", "d")
    return read(place)[0]


def test_reading_continues_with_the_next_records(age):
    keep_places()
    assert read_on_while_the_first_two_become_too_old(age) == ["c", "d"]


def test_the_unpatched_emulator_skips_the_next_records(age):
    """When this fails, the emulator does it by itself: remove `trimmed_shards.py`."""
    assert read_on_while_the_first_two_become_too_old(age) == []


def test_a_late_reader_continues_with_the_oldest_remaining_record(age):
    keep_places()
    put("a", "b")
    age(DAY - 60)
    place = iterator()
    put("c")
    age(61)
    assert read(place)[0] == ["c"]
