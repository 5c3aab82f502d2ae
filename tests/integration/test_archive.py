"""The archive on moto: a window's rows, and the objects that are read for them."""

from datetime import UTC, datetime, timedelta

import pytest

from stresswatch.contracts.posts import Post
from stresswatch.contracts.predictions import Prediction, Record
from stresswatch.storage import archive

START = datetime(2026, 11, 23, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def put(aws):
    """Archive a batch of one shard: the records from `first` up to, not including, `last`."""

    def put(first, last, at, version="v1", shard="shardId-000000000000"):
        records = [
            Record(b"", "posts", shard, str(number), at.timestamp())
            for number in range(first, last)
        ]
        post = Post("post", "text", (0.0,) * 5, None, None)
        predictions = [
            Prediction(record.prediction_id, post, 0.5, (0.0,) * 5, version, at.isoformat())
            for record in records
        ]
        archive.write(aws.s3, "archive", records, predictions)

    return put


def window(aws, number, look_back=HOUR):
    """The times and versions of the rows in the window that begins this many hours later."""
    start = START + number * HOUR
    return sorted(
        (row["predicted_at"], row["model_version"])
        for row in archive.stream(aws.s3, "archive", start, start + HOUR, look_back)
    )


def moments(minute, count, version="v1"):
    return [((START + timedelta(minutes=minute)).isoformat(), version)] * count


def test_each_row_is_in_exactly_one_tumbling_window(aws, put):
    for minute in range(0, 180, 20):
        put(100 * minute, 100 * minute + 3, START + timedelta(minutes=minute))
    found = [window(aws, number) for number in (-1, 0, 1, 2, 3)]
    assert [len(rows) for rows in found] == [0, 9, 9, 9, 0]
    assert len({row for rows in found for row in rows}) == 9


@pytest.mark.parametrize("cut", [(0, 10), (0, 5), (3, 20), (9, 10)])
def test_redelivered_records_belong_to_their_first_delivery(aws, put, cut):
    put(0, 10, START + timedelta(minutes=50))
    put(*cut, START + timedelta(minutes=70))
    again = len(set(range(*cut)) - set(range(10)))
    assert window(aws, 0) == moments(50, 10)
    assert window(aws, 1) == moments(70, again)


def test_the_earliest_delivery_counts_then_the_older_version(aws, put):
    put(0, 10, START + timedelta(minutes=30))
    put(0, 10, START + timedelta(minutes=10), version="v2")
    put(0, 10, START + timedelta(minutes=10))
    assert window(aws, 0) == moments(10, 10)


def test_two_identical_deliveries_count_once(aws, put):
    put(0, 10, START)
    put(0, 5, START)
    assert window(aws, 0) == moments(0, 10)


def test_records_of_another_shard_are_distinct(aws, put):
    put(0, 10, START)
    put(0, 10, START, shard="shardId-000000000001")
    assert len(window(aws, 0)) == 20


def test_deliveries_before_the_look_back_are_ignored(aws, put):
    put(0, 10, START)
    put(0, 10, START + 3 * HOUR)
    assert window(aws, 3) == moments(180, 10)
    assert window(aws, 3, look_back=3 * HOUR) == []


def test_only_redelivered_ranges_of_earlier_hours_are_read(aws, put, monkeypatch):
    for number in range(5):
        put(10 * number, 10 * number + 10, START)
    put(40, 60, START + HOUR)
    read = []
    get_object = aws.s3.get_object

    def counted(**what):
        read.append(what["Key"].rpartition("/")[2].rsplit("-", 3)[0])
        return get_object(**what)

    monkeypatch.setattr(aws.s3, "get_object", counted)
    assert window(aws, 1) == moments(60, 10)
    assert set(read) == {f"shardId-000000000000-{range_}" for range_ in ("40-49", "40-59")}
