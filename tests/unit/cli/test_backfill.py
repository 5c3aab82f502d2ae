"""The source of a backfill, its rate, and its output location; without calls of AWS."""

from datetime import UTC, datetime, timedelta

import pytest

from cli.backfill.backfill_posts import source_of
from cli.backfill.outputs import output_at
from cli.backfill.sources import StreamRange, records_of_file
from cli.deployment.target import Target
from cli.errors import OperatorError
from cli.post_files import PostFile
from cli.timestamps import parse_timestamp
from stresswatch.aws import stack_outputs

POSTS = "arn:aws:kinesis:us-east-1:1:stream/posts"
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Kinesis:
    """Shards with pages, each a list of (minutes after noon, data); an open one has a tip."""

    def __init__(self, shards, is_open=True):
        self._shards = shards
        self._is_open = is_open
        self.asked = []

    def get_paginator(self, name):
        assert name == "list_shards"
        return self

    def paginate(self, StreamARN):  # noqa: N803 - boto3's name
        assert StreamARN == POSTS
        return [{"Shards": [{"ShardId": name}]} for name in self._shards]

    def get_shard_iterator(self, *, StreamARN, ShardId, ShardIteratorType, Timestamp):  # noqa: N803
        self.asked.append((ShardId, ShardIteratorType, Timestamp))
        return {"ShardIterator": f"{ShardId} 0"}

    def get_records(self, *, StreamARN, ShardIterator, Limit):  # noqa: N803
        shard, place = ShardIterator.split()
        pages = self._shards[shard]
        page = pages[int(place)] if int(place) < len(pages) else []
        is_last = int(place) >= len(pages) - (not self._is_open)
        following = (
            {}
            if is_last and not self._is_open
            else {"NextShardIterator": f"{shard} {int(place) + 1}"}
        )
        return following | {
            "MillisBehindLatest": 0 if int(place) >= len(pages) else 1000,
            "Records": [
                {
                    "Data": data,
                    "SequenceNumber": f"{place}-{number}",
                    "ApproximateArrivalTimestamp": NOON + timedelta(minutes=minutes),
                }
                for number, (minutes, data) in enumerate(page)
            ],
        }


def read(shards, *, is_open=True, slept=None):
    kinesis = Kinesis(shards, is_open)
    slept = [] if slept is None else slept
    span = StreamRange(kinesis, POSTS, NOON, NOON + timedelta(minutes=10), slept.append)
    return [record.data for record in span.records()]


@pytest.mark.parametrize("is_open", [True, False])
def test_the_range_includes_its_start_and_excludes_its_end(is_open):
    shards = {
        "a": [[(-1, b"before"), (0, b"at its start")], [(9.99, b"last"), (10, b"at its end")]]
    }
    assert read(shards, is_open=is_open) == [b"at its start", b"last"]


def test_every_shard_is_read_including_closed_ones():
    shards = {"parent": [[(0, b"1")]], "child": [[(1, b"2")]], "other child": [[(2, b"3")]]}
    kinesis = Kinesis({name.replace(" ", "-"): pages for name, pages in shards.items()}, False)
    span = StreamRange(kinesis, POSTS, NOON, NOON + timedelta(minutes=10), lambda _: None)
    assert [record.data for record in span.records()] == [b"1", b"2", b"3"]
    assert {how for _, how, _ in kinesis.asked} == {"AT_TIMESTAMP"}
    assert {when for _, _, when in kinesis.asked} == {NOON}


def test_an_empty_page_is_not_the_end_of_a_shard():
    assert read({"a": [[], [], [(1, b"late")]]}) == [b"late"]


def test_records_after_one_with_a_late_timestamp_are_still_read():
    assert read({"a": [[(11, b"too late"), (9, b"in time")], [(9, b"as well")]]}) == [
        b"in time",
        b"as well",
    ]


def test_reading_stops_soon_after_the_end_of_the_range():
    kinesis_pages = [[(1, b"in")], *[[(11, b"after")]] * 100]
    slept = []
    assert read({"a": kinesis_pages}, slept=slept) == [b"in"]
    assert len(slept) == 1


def test_half_the_capacity_of_a_shard_is_left_to_the_predictor():
    slept = []
    read({"a": [[(0, b"x" * 1024 * 1024)] * 3, [(1, b"small")]]}, slept=slept)
    assert slept[:2] == [3.0, 0.4]


def test_a_record_keeps_its_stream_shard_and_sequence_number():
    span = StreamRange(
        Kinesis({"a": [[(0, b"x")]]}), POSTS, NOON, NOON + timedelta(1), lambda _: None
    )
    (record,) = span.records()
    assert (record.stream, record.shard, record.sequence_number) == ("posts", "a", "0-0")


def test_a_posts_sequence_number_is_its_position_in_the_file(tmp_path):
    file = tmp_path / "posts.jsonl"
    file.write_bytes(b'{"text": "a"}\n\n{"text": "b"}\n')
    assert [record.sequence_number for record in records_of_file(PostFile(file))] == ["1", "2"]


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("2026-11-24T12:00Z", NOON),
        ("2026-11-24T13:00+01:00", NOON),
        ("2026-11-24T12:00", NOON),
        ("2026-11-24", NOON.replace(hour=0)),
    ],
)
def test_a_time_without_a_time_zone_is_in_utc(text, read):
    assert parse_timestamp(text, "--from") == read


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((None, None, None), "either a file, or both --from and --to"),
        (("posts.jsonl", "2026-01-01", None), "either a file, or both --from and --to"),
        ((None, "2026-01-01", None), "either a file, or both --from and --to"),
        ((None, None, "2026-01-01"), "either a file, or both --from and --to"),
        ((None, "2026-01-02", "2026-01-01"), "--from must be before --to"),
        ((None, "2026-01-01", "2026-01-01"), "--from must be before --to"),
        ((None, "2026-01-01", "9999-01-01"), "--to is in the future"),
        ((None, "yesterday", "2026-01-01"), "--from is 'yesterday'; give an ISO 8601 time"),
        ((None, "0001-01-01T00:00+14:00", "2026-01-01"), "give an ISO 8601 time"),
        ((None, "2026-01-01", "24:00"), "--to is '24:00'; give an ISO 8601 time"),
    ],
)
def test_an_invalid_source_is_rejected_with_the_reason(arguments, said):
    with pytest.raises(OperatorError, match=said):
        source_of(*arguments)


def test_a_range_that_ends_in_the_future_is_rejected():
    end = datetime(2026, 1, 2, tzinfo=UTC)
    arguments = (None, "2026-01-01", "2026-01-02")
    with pytest.raises(OperatorError, match="--to is in the future"):
        source_of(*arguments, now=lambda: end - timedelta(seconds=1))
    assert source_of(*arguments, now=lambda: end) == (end - timedelta(days=1), end)


@pytest.mark.parametrize(
    ("out", "said"),
    [
        ("s3://archive/predictions/", "holds the stack's own data"),
        ("s3://archive/predictions/date=2026-01-01/x", "holds the stack's own data"),
        ("s3://archive/backfills", "s3://archive/backfills/ and a name"),
        ("s3://archive/", "holds the stack's own data"),
        ("s3://archive/backfills-of-mine/x", "holds the stack's own data"),
        ("s3://training/labels/x", "holds the stack's own data"),
        ("s3://models/models/v9/", "holds the stack's own data"),
        ("s3://quarantine/x/", "holds the stack's own data"),
        ("s3://elsewhere", "must have the form s3://bucket/key"),
        ("s3://elsewhere/", "has no prefix"),
    ],
)
def test_unsuitable_output_locations_are_rejected_before_calling_aws(out, said):
    names = {"Archive": "archive", "Quarantine": "quarantine", "Training": "training"}
    buckets = {f"{name}BucketName": bucket for name, bucket in names.items()}
    target = Target(
        "stresswatch-dev", buckets | {stack_outputs.MODEL_BUCKET: "models"}, client=lambda _: None
    )
    with pytest.raises(OperatorError, match=said):
        output_at(target, out)
