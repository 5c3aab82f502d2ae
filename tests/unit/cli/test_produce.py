import itertools
import json
import math
import random

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from cli.errors import OperatorError
from cli.produce import produce, read_records
from stresswatch.posts import InvalidPost, parse_post
from stresswatch.producer import Producer
from stresswatch.streams import (
    MAXIMUM_BYTES,
    MAXIMUM_RECORD_BYTES,
    MAXIMUM_RECORDS,
    StreamRecord,
)
from tests.unit.cli.conftest import DREADDIT_ROW, to_csv


class Stream:
    """Refuses a share of the records, by chance, and fails as a whole from some request on."""

    def __init__(self, refused_share=0.0, seed=0, fails_at=None):
        self.taken = []
        self.requests = 0
        self._refused_share = refused_share
        self._chance = random.Random(seed)
        self._fails_at = fails_at

    def put_records(self, StreamName, Records):  # noqa: N803 - boto3's names
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
    """Time that passes in sleep alone."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        assert seconds > 0
        self.now += seconds


def send(stream, records, **options):
    """Send without waiting; give every record that was not sent."""
    steps = list(produce(stream, "posts", records, sleep=lambda seconds: None, **options))
    assert sum(step.sent for step in steps) == len(stream.taken)
    return [record for step in steps for record in step.unsent]


def make_records(sizes):
    return [StreamRecord(f"é-{place}", bytes(size)) for place, size in enumerate(sizes)]


sizes = st.lists(st.sampled_from([1, 900, 250_000, MAXIMUM_RECORD_BYTES - 10]), max_size=40)


@given(sizes, st.integers(0, 700), st.sampled_from([0.0, 0.1, 0.5]), st.integers(0, 99))
def test_every_record_is_sent_exactly_once_or_given_back(large, small, refused_share, seed):
    records = make_records(large + [10] * small)
    stream = Stream(refused_share, seed)
    unsent = send(stream, iter(records))
    assert sorted(stream.taken + unsent) == sorted(records)


@given(st.integers(0, 1200), st.integers(0, 99))
def test_with_few_refusals_every_record_arrives(count, seed):
    records = make_records([10] * count)
    stream = Stream(0.05, seed)
    assert send(stream, records) == []
    assert sorted(stream.taken) == sorted(records)


def test_records_arrive_in_their_order_where_none_is_refused():
    records = make_records([10] * 1200)
    stream = Stream()
    send(stream, records)
    assert stream.taken == records


def test_a_record_that_is_too_large_for_the_stream_is_given_back_and_the_others_go():
    records = make_records([10, MAXIMUM_RECORD_BYTES, 10])
    stream = Stream()
    assert send(stream, records) == [records[1]]
    assert stream.taken == [records[0], records[2]]


def test_what_the_stream_refuses_to_the_last_attempt_is_given_back():
    records = make_records([10] * 3)
    stream = Stream(refused_share=1.0)
    assert send(stream, records) == records
    assert stream.requests == 8


@given(st.integers(1, 4), st.integers(1, 1800))
def test_when_aws_fails_all_that_is_left_is_given_back_before_the_error(fails_at, count):
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


def test_what_is_on_its_way_when_somebody_stops_it_is_counted(monkeypatch):
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


def test_a_rate_without_end_is_none():
    assert send(Stream(), make_records([1] * 3), rate=math.inf) == []


@given(st.floats(0.5, 5000), st.integers(1, 1500))
def test_a_rate_is_kept_at_every_moment(rate, count):
    clock = Clock()
    sent = 0
    largest = max(1, min(MAXIMUM_RECORDS, int(rate / 5)))
    records = make_records([1] * count)
    for step in produce(Stream(), "posts", records, rate=rate, clock=clock, sleep=clock.sleep):
        sent += step.sent
        assert sent <= rate * (clock.now - 100.0) * (1 + 1e-9) + largest
    assert sent == count
    assert clock.now - 100.0 <= count / rate


def test_time_that_a_slow_stream_took_is_not_caught_up():
    clock = Clock()
    steps = produce(
        Stream(), "posts", make_records([1] * 100), rate=10, clock=clock, sleep=clock.sleep
    )
    next(steps)
    clock.now += 60
    after = clock.now
    assert sum(step.sent for step in itertools.islice(steps, 20)) == 40
    assert clock.now - after == pytest.approx(1.9 * 2)


def test_records_are_read_no_further_than_they_are_sent():
    def endless():
        for number in itertools.count():
            taken.append(number)
            yield StreamRecord("key", b"data")

    taken = []
    next(produce(Stream(), "posts", endless()))
    assert len(taken) == MAXIMUM_RECORDS


def test_lines_of_json_go_as_they_are_valid_or_not(tmp_path):
    lines = [b'{"post_id": "p1",  "text": "x"}', b"not json", b"\xff\xfe", b"[1]", b"[" * 9999]
    file = tmp_path / "posts.jsonl"
    file.write_bytes(b"\n\n".join(lines) + b"\r\n")
    records = list(read_records(file))
    assert [record.data for record in records] == lines
    assert records[0].partition_key == "p1"


@pytest.mark.parametrize("post_id", [None, 7, "", "x" * 257, "half a pair \ud800", ["p"]])
def test_a_post_without_a_usable_id_gets_a_partition_key_of_its_content(tmp_path, post_id):
    file = tmp_path / "posts.jsonl"
    line = json.dumps({"post_id": post_id, "text": "x"})
    file.write_text(f"{line}\n{line}\n" + '{"text": "other"}')
    keys = [record.partition_key for record in read_records(file)]
    assert keys[0] == keys[1] != keys[2]
    assert all(len(key) == 64 for key in keys)


def test_a_row_of_dreaddit_becomes_a_post_of_the_contract(tmp_path):
    file = tmp_path / "DREADDIT.CSV"
    file.write_bytes(to_csv([DREADDIT_ROW | {"sentiment": ""}]))
    (record,) = read_records(file)
    assert record.partition_key == "8601tu"
    assert parse_post(record.data).created_at == "2018-03-21T06:39:13+00:00"
    assert json.loads(record.data) == {
        "post_id": "8601tu",
        "text": "I cannot sleep, “again”",
        "lex_liwc_Tone": 1.5,
        "lex_liwc_i": 1.5,
        "lex_liwc_negemo": 1.5,
        "lex_liwc_Clout": 1.5,
        "source": "ptsd",
        "created_at": "2018-03-21T06:39:13+00:00",
    }


def test_a_csv_may_have_the_columns_of_the_contract(tmp_path):
    file = tmp_path / "posts.csv"
    file.write_text("post_id,text,source,created_at\np1,hello,ptsd,2026-11-23T10:00:00Z\n")
    (record,) = read_records(file)
    post = parse_post(record.data)
    assert (post.source, post.created_at) == ("ptsd", "2026-11-23T10:00:00Z")


def test_a_cell_that_is_no_number_is_left_for_the_predictor_to_judge(tmp_path):
    file = tmp_path / "posts.csv"
    file.write_text("post_id,text,sentiment,social_timestamp\np1,hello,high,soon\n")
    (record,) = read_records(file)
    assert json.loads(record.data)["sentiment"] == "high"
    assert json.loads(record.data)["created_at"] == "soon"


def test_labels_are_not_sent(tmp_path):
    file = tmp_path / "posts.csv"
    file.write_bytes(to_csv([DREADDIT_ROW]))
    assert b"label" not in next(read_records(file)).data


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("missing.jsonl", None, "There is no file .*missing.jsonl"),
        ("posts.txt", b"x", r"must end in .jsonl or .csv"),
        ("posts.jsonl", b"", "holds no post"),
        ("posts.jsonl", b"\n \n", "holds no post"),
        ("posts.csv", b"", "lacks the column post_id and text"),
        ("posts.csv", b"post_id,text\n", "holds no post"),
        ("posts.csv", b"post_id,body\n1,x\n", "lacks the column text"),
        ("posts.csv", b"post_id,text\n1,\xff\n", "is not UTF-8"),
        ("posts.csv", b'post_id,text\n1,"never closed\n2,x\n', "no valid CSV: unexpected end"),
        ("posts.csv", b"post_id,text\n1," + b"x" * 2**21, "no valid CSV: field larger.*line 2"),
    ],
)
def test_a_file_that_holds_no_posts_is_refused(tmp_path, name, content, complaint):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(OperatorError, match=complaint):
        read_records(tmp_path / name)


@pytest.mark.parametrize("row", [b"z,\xff", b'z,"never closed', b'z,"closed" too early'])
def test_a_csv_is_refused_before_any_of_it_is_sent_wherever_its_damage_is(tmp_path, row):
    file = tmp_path / "posts.csv"
    file.write_bytes(b"post_id,text\n" + b"p,some words\n" * 10_000 + row + b"\n")
    with pytest.raises(OperatorError, match=r"is no valid CSV|is not UTF-8"):
        read_records(file)


def test_a_text_of_a_csv_that_is_too_long_for_a_post_is_left_for_the_predictor_to_judge(tmp_path):
    file = tmp_path / "posts.csv"
    file.write_text("post_id,text\np1," + "x" * 200_000 + "\np2,y\n")
    first, _ = read_records(file)
    with pytest.raises(InvalidPost, match="text_too_long"):
        parse_post(first.data)


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(OperatorError, match="is a folder"):
        read_records(tmp_path)
