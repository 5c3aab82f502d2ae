"""The Kafka bridge of docs/producers.md, run with doubles of a consumer and a stream."""

import re
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from stresswatch.producer import NotTaken, Producer
from tests.strict_calls import checked

PAGE = (Path(__file__).parents[2] / "docs" / "producers.md").read_text()
CODES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


class KafkaException(Exception):
    pass


class TheEnd(Exception):
    pass


class Consumer:
    """Hand out batches of messages, and record the committed offsets."""

    def __init__(self, *batches):
        self.batches = list(batches)
        self.consumed = self.committed = 0

    def consume(self, num_messages, timeout):
        assert num_messages <= 500
        if not self.batches:
            raise TheEnd
        batch = self.batches.pop(0)
        self.consumed += len(batch)
        return batch

    def commit(self, asynchronous):
        assert asynchronous is False
        self.committed = self.consumed


class Stream:
    def __init__(self, *, refuses=()):
        self.taken = []
        self._refuses = refuses

    def put_records(self, StreamName, Records):  # noqa: N803 - boto3's names
        checked("kinesis", "PutRecords", StreamName=StreamName, Records=Records)
        results = []
        for record in Records:
            if record["Data"] in self._refuses:
                results.append({"ErrorCode": "ProvisionedThroughputExceededException"})
            else:
                self.taken.append(record["Data"])
                results.append({"ShardId": "s", "SequenceNumber": "1"})
        return {"Records": results}


def message(value, error=None):
    return SimpleNamespace(
        value=lambda: value, error=lambda: error,
        topic=lambda: "posts", partition=lambda: 3, offset=lambda: 7,
    )  # fmt: skip


@pytest.fixture
def bridge(monkeypatch):
    kafka = ModuleType("confluent_kafka")
    kafka.Consumer, kafka.KafkaException = Consumer, KafkaException
    monkeypatch.setitem(sys.modules, "confluent_kafka", kafka)
    (code,) = (code for code in CODES if "def bridge" in code)
    names = {"__name__": "bridge"}
    exec(compile(code, "docs/producers.md", "exec"), names)
    return names["bridge"]


def run(bridge, consumer, stream, ends_by):
    with (
        Producer(stream, "posts", attempts=2, sleep=lambda seconds: None) as producer,
        pytest.raises(ends_by),
    ):
        bridge(consumer, producer)


def test_messages_are_committed_after_the_stream_accepts_them(bridge):
    consumer, stream = Consumer([message(b"a"), message(b"b")], [], [message(b"c")]), Stream()
    run(bridge, consumer, stream, TheEnd)
    assert stream.taken == [b"a", b"b", b"c"]
    assert consumer.committed == 3


def test_messages_rejected_by_the_stream_are_not_committed(bridge):
    consumer = Consumer([message(b"a")], [message(b"b"), message(b"c")], [message(b"d")])
    run(bridge, consumer, Stream(refuses=[b"b"]), NotTaken)
    assert consumer.committed == 1


def test_an_oversized_message_is_named_and_skipped(bridge, capsys):
    consumer, stream = Consumer([message(bytes(2**20)), message(b"b")]), Stream()
    run(bridge, consumer, stream, TheEnd)
    assert stream.taken == [b"b"]
    assert consumer.committed == 2
    assert "posts/3/7 was left out" in capsys.readouterr().err


def test_a_kafka_error_ends_the_bridge(bridge):
    consumer = Consumer([message(b"a"), message(None, error="broken")])
    run(bridge, consumer, Stream(), KafkaException)
    assert consumer.committed == 0
