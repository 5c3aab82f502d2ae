import itertools
import json
import math
import random

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from cli.errors import OperatorError
from cli.post_files import PostFile
from cli.produce.sender import produce, records_of
from stresswatch.contracts.posts import InvalidPost, parse_post
from stresswatch.producer import Producer
from stresswatch.streaming.put_records import (
    MAXIMUM_BYTES,
    MAXIMUM_RECORD_BYTES,
    MAXIMUM_RECORDS,
    StreamRecord,
)
from tests.strict_calls import checked
from tests.unit.cli.conftest import DREADDIT_ROW, to_csv


class Stream:
    """Refuse a random share of the records, and fail as a whole from some request on."""

    def __init__(self, refused_share=0.0, seed=0, fails_at=None):
        self.taken = []
        self.requests = 0
        self._refused_share = refused_share
        self._chance = random.Random(seed)
        self._fails_at = fails_at

    def put_records(self, StreamName, Records):  # noqa: N803 - boto3's names
        checked("kinesis", "PutRecords", StreamName=StreamName, Records=Records)
        self.requests += 1
        if self.requests == self._fails_at:
            raise ClientError(
                {"Error": {"Code": "ExpiredTokenException", "Message": "expired"}}, "PutRecords"
            )
        assert 0 < len(Records) <= MAXIMUM_RECORDS
        sizes = [len(record["Data"]) + len(record["PartitionKey"].encode()) for record in Records]
        assert sum(sizes) <= MAXIMUM_BYTES
        assert max(sizes) <= MAXIMUM_RECORD_BYTES
        return {"Records": [self._take(record) for record in Records]}

    def _take(self, record):
        if self._chance.random() < self._refused_share:
            return {"ErrorCode": "ProvisionedThroughputExceededException"}
        self.taken.append(StreamRecord(record["PartitionKey"], record["Data"]))
        return {"ShardId": "shard", "SequenceNumber": str(len(self.taken))}


class Clock:
    """Time that passes only in sleep."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        assert seconds > 0
        self.now += seconds


def send(stream, records, **options):
    """Send without waiting; return every record that was not sent."""
    steps = list(produce(stream, "posts", records, sleep=lambda seconds: None, **options))
    assert sum(step.sent for step in steps) == len(stream.taken)
    return [record for step in steps for record in step.unsent]


def make_records(sizes):
    return [StreamRecord(f"é-{place}", bytes(size)) for place, size in enumerate(sizes)]


sizes = st.lists(st.sampled_from([1, 900, 250_000, MAXIMUM_RECORD_BYTES - 10]), max_size=40)


@given(sizes, st.integers(0, 700), st.sampled_from([0.0, 0.1, 0.5]), st.integers(0, 99))
def test_every_record_is_sent_exactly_once_or_returned(large, small, refused_share, seed):
    records = make_records(large + [10] * small)
    stream = Stream(refused_share, seed)
    unsent = send(stream, iter(records))
    assert sorted(stream.taken + unsent) == sorted(records)


@given(st.integers(0, 1200), st.integers(0, 99))
def test_every_record_arrives_despite_a_few_rejections(count, seed):
    records = make_records([10] * count)
    stream = Stream(0.05, seed)
    assert send(stream, records) == []
    assert sorted(stream.taken) == sorted(records)


def test_records_arrive_in_order_when_none_is_rejected():
    records = make_records([10] * 1200)
    stream = Stream()
    send(stream, records)
    assert stream.taken == records


def test_a_record_too_large_for_the_stream_does_not_stop_the_others():
    records = make_records([10, MAXIMUM_RECORD_BYTES, 10])
    stream = Stream()
    assert send(stream, records) == [records[1]]
    assert stream.taken == [records[0], records[2]]


def test_records_rejected_on_every_attempt_are_returned():
    records = make_records([10] * 3)
    stream = Stream(refused_share=1.0)
    assert send(stream, records) == records
    assert stream.requests == 8


@given(st.integers(1, 4), st.integers(1, 1800))
def test_when_aws_fails_unsent_records_are_returned_before_the_error(fails_at, count):
    records = make_records([10] * count)
    stream = Stream(fails_at=fails_at)
    steps = []
    if fails_at > -(-count // MAXIMUM_RECORDS):
        steps = list(produce(stream, "posts", records))
    else:
        with pytest.raises(OperatorError, match=r"Sending stopped: .*log in again"):
            steps.extend(produce(stream, "posts", records))
    unsent = [record for step in steps for record in step.unsent]
    assert stream.taken + unsent == records


def test_records_in_flight_at_an_interruption_are_counted(monkeypatch):
    flush, calls = Producer.flush, itertools.count(1)

    def stopped(self):
        if next(calls) == 3:
            raise KeyboardInterrupt
        flush(self)

    monkeypatch.setattr(Producer, "flush", stopped)
    stream, steps = Stream(), []
    with pytest.raises(KeyboardInterrupt):
        steps.extend(produce(stream, "posts", make_records([10] * 2_000)))
    assert sum(step.sent for step in steps) == len(stream.taken) == 3 * MAXIMUM_RECORDS


def test_an_infinite_rate_is_unlimited():
    assert send(Stream(), make_records([1] * 3), rate=math.inf) == []


@given(st.floats(0.5, 5000), st.integers(1, 1500))
def test_the_rate_limit_is_kept_at_all_times(rate, count):
    clock = Clock()
    sent = 0
    largest = max(1, min(MAXIMUM_RECORDS, int(rate / 5)))
    records = make_records([1] * count)
    for step in produce(Stream(), "posts", records, rate=rate, clock=clock, sleep=clock.sleep):
        sent += step.sent
        assert sent <= rate * (clock.now - 100.0) * (1 + 1e-9) + largest
    assert sent == count
    assert clock.now - 100.0 <= count / rate


def test_time_lost_to_a_slow_stream_is_not_caught_up():
    clock = Clock()
    steps = produce(
        Stream(), "posts", make_records([1] * 100), rate=10, clock=clock, sleep=clock.sleep
    )
    next(steps)
    clock.now += 60
    after = clock.now
    assert sum(step.sent for step in itertools.islice(steps, 20)) == 40
    assert clock.now - after == pytest.approx(1.9 * 2)


def test_records_are_read_only_as_they_are_sent():
    def endless():
        for number in itertools.count():
            taken.append(number)
            yield StreamRecord("key", b"data")

    taken = []
    next(produce(Stream(), "posts", endless()))
    assert len(taken) == MAXIMUM_RECORDS


def records_in(tmp_path, content: bytes):
    file = tmp_path / "posts"
    file.write_bytes(content)
    return list(records_of(PostFile(file)))


def test_an_invalid_row_is_sent_unchanged(tmp_path):
    lines = [b"not json", b"\xff\xfe", b"[1]", b"[" * 9999, b'{"text": " ",  "title": 1}']
    records = records_in(tmp_path, b'{"text": "x"}\n' + b"\n\n".join(lines) + b"\r\n")
    assert [record.data for record in records[1:]] == lines
    assert all(len(record.partition_key) == 64 for record in records[1:])


def test_a_post_is_sent_in_contract_form_and_keyed_by_its_id(tmp_path):
    line = b'{"Post_ID": 7,  "text": "x", "created_at": 1521614353, "title": "y", "label": 1}'
    (record,) = records_in(tmp_path, line)
    assert record.partition_key == "7"
    assert json.loads(record.data) == {
        "post_id": "7",
        "text": "x",
        "created_at": "2018-03-21T06:39:13+00:00",
    }


def test_a_post_without_an_id_gets_its_position_as_a_stable_id(tmp_path):
    content = b'{"text": "x"}\n\n{"post_id": "", "text": "x"}\n'
    records = records_in(tmp_path, content)
    assert [record.partition_key for record in records] == ["1", "2"]
    assert records == records_in(tmp_path, content)
    assert parse_post(records[1].data).post_id == "2"


def test_a_dreaddit_row_is_sent_without_its_label(tmp_path):
    (record,) = records_in(tmp_path, to_csv([DREADDIT_ROW | {"sentiment": ""}]))
    assert record.partition_key == "8601tu"
    assert json.loads(record.data) == {
        "post_id": "8601tu",
        "text": "I cannot sleep, \N{LEFT DOUBLE QUOTATION MARK}again"
        "\N{RIGHT DOUBLE QUOTATION MARK}",
        "lex_liwc_Tone": 1.5,
        "lex_liwc_i": 1.5,
        "lex_liwc_negemo": 1.5,
        "lex_liwc_Clout": 1.5,
        "source": "ptsd",
        "created_at": "2018-03-21T06:39:13+00:00",
    }


def test_an_invalid_feature_is_sent_for_the_predictor_to_reject(tmp_path):
    content = b"post_id,text,sentiment,created_at\np1,hello,high,soon\np2,hello,,soon\n"
    bad, good = records_in(tmp_path, content)
    with pytest.raises(InvalidPost, match="number_invalid"):
        parse_post(bad.data)
    assert json.loads(good.data) == {"post_id": "p2", "text": "hello"}
