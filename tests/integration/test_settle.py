"""Settling on moto: a part's rows, after repeated deliveries and kills."""

import gzip
import io
import math
from datetime import UTC, datetime, timedelta

import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError

from stresswatch.contracts.posts import SMOKE_PREFIX, Post
from stresswatch.contracts.predictions import ARCHIVE_COLUMNS, Prediction, Record
from stresswatch.contracts.sampling import SampleShares
from stresswatch.settled.listing import look_at
from stresswatch.settled.places import NOTHING, PREDICTIONS, SHADOW, Part
from stresswatch.settled.rows import SAMPLE_COLUMNS, rows_in
from stresswatch.settled.settle import Overtaken, settle
from stresswatch.settled.summaries import Counts, Summary
from stresswatch.settled.windows import Window
from stresswatch.storage import archive

SHARD = "shardId-000000000000"
START = datetime(2026, 11, 23, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)


def minutes(number):
    return START + timedelta(minutes=number)


def hour(number):
    return Window(START + number * HOUR, START + (number + 1) * HOUR)


class Killed(BaseException):
    """The execution environment is gone."""


def kill():
    raise Killed


def refuse():
    raise ClientError({"Error": {"Code": "SlowDown"}}, "PutObject")


class Interrupted:
    """S3, with an action before the write of one object of a part."""

    def __init__(self, s3):
        self._s3 = s3
        self.place, self.comes = -1, None

    def __getattr__(self, name):
        return getattr(self._s3, name)

    def put_object(self, **what):
        if self.comes and self.place == 0:
            comes, self.comes = self.comes, None
            comes()
        self.place -= 1
        return self._s3.put_object(**what)


class Lake:
    """Archives batches of records that arrived at `START`, and settles."""

    def __init__(self, s3):
        self.s3 = Interrupted(s3)

    def overtake_at(self, place, comes):
        """Run an action before the next settle writes the object at this position, from 0."""
        self.s3.place, self.s3.comes = place, comes

    def put_and_settle(self, first):
        self.put(first, first + 10, minutes(30))
        self.settle()

    def is_current(self):
        return look_at(self.s3, "archive", PREDICTIONS, [hour(0)]).stale == []

    def keys(self):
        return [
            item["Key"]
            for item in self.s3.list_objects_v2(Bucket="archive", Prefix="settled")["Contents"]
        ]

    def put(
        self, first, last, at, version="v1", *, of=SHARD, archive_=PREDICTIONS, post="post-{}",
        arrived=START, shares=None,
    ):  # fmt: skip
        records = [
            Record(b"", "posts", of, f"{number:05}", arrived.timestamp())
            for number in range(first, last)
        ]
        predictions = [
            Prediction(
                record.prediction_id,
                Post(
                    post.format(number), "text", (0.5, float("nan"), 1 / 3, 2.0, -1.0), None, "Ünï'"
                ),
                (number % 10) / 10,
                (0.1,) * 5,
                version,
                at.isoformat(),
                text_digest="0" * 32,
                draw=shares.draw((number % 10) / 10, 0.2) if shares else None,
            )
            for number, record in zip(range(first, last), records, strict=True)
        ]
        archive.write(self.s3, "archive", records, predictions, archive_.raw)

    def settle(self, number=0, *, shard=SHARD, archive_=PREDICTIONS, sample_posts=1000):
        return settle(self.s3, "archive", archive_, Part(hour(number), shard), sample_posts)

    def rows(self, number=0, *, shard=SHARD, archive_=PREDICTIONS):
        body = self.body(archive_.rows_key(Part(hour(number), shard)))
        return pq.read_table(io.BytesIO(body)).to_pylist()

    def sample(self, number=0):
        body = self.body(PREDICTIONS.sample_key(Part(hour(number), SHARD)))
        return pq.read_table(io.BytesIO(body)).to_pylist()

    def drawn(self, number=0):
        body = self.body(PREDICTIONS.drawn_key(Part(hour(number), SHARD)))
        return pq.read_table(io.BytesIO(body)).to_pylist()

    def said(self, number=0):
        """The times, versions and count of a window's rows."""
        rows = self.rows(number)
        ids = [row["prediction_id"] for row in rows]
        assert ids == sorted(set(ids))
        return sorted((row["predicted_at"].minute, row["model_version"]) for row in rows)

    def body(self, key):
        return self.s3.get_object(Bucket="archive", Key=key)["Body"].read()

    def bodies(self, number=0):
        part = Part(hour(number), SHARD)
        keys = (
            PREDICTIONS.rows_key(part),
            PREDICTIONS.sample_key(part),
            PREDICTIONS.drawn_key(part),
            PREDICTIONS.summary_key(part),
        )
        return [self.body(key) for key in keys]


@pytest.fixture
def lake(aws):
    return Lake(aws.s3)


def test_a_part_has_the_rows_of_the_archive_with_their_types(lake):
    lake.put(0, 30, minutes(5) + timedelta(microseconds=1999))
    lake.settle()
    rows = archive.read(lake.s3, "archive", START, START + HOUR)
    expected = [
        {name.lower(): value for name, value in row.items()}
        | {"predicted_at": datetime(2026, 11, 23, 10, 5, 0, 1000)}
        for row in sorted(rows, key=lambda row: row["prediction_id"])
    ]
    assert lake.rows() == expected
    *_, key = lake.keys()
    assert key == (
        f"settled/date=2026-11-23/hour=10/20261123T100000Z-20261123T110000Z-{SHARD}.parquet"
    )
    schema = pq.read_schema(io.BytesIO(lake.body(key)))
    assert schema.names == [name.lower() for name in ARCHIVE_COLUMNS]
    assert str(schema.field("predicted_at").type) == "timestamp[ms]"


@pytest.mark.parametrize("cut", [(0, 10), (0, 5), (3, 20), (9, 10)])
def test_a_redelivered_record_is_settled_once(lake, cut):
    lake.put(0, 10, minutes(10))
    lake.put(*cut, minutes(20), version="v2")
    summary = lake.settle()
    again = len(set(range(*cut)) - set(range(10)))
    assert lake.said() == [(10, "v1")] * 10 + [(20, "v2")] * again
    assert (summary.posts, summary.objects) == (10 + again, 2)


def test_a_redelivery_with_an_earlier_timestamp_counts(lake):
    lake.put(0, 10, minutes(30))
    lake.put(5, 15, minutes(10), version="v2")
    lake.settle()
    assert lake.said() == [(10, "v2")] * 10 + [(30, "v1")] * 5


def test_the_older_version_of_two_simultaneous_deliveries_counts(lake):
    lake.put(0, 10, minutes(10), version="v2")
    lake.put(0, 10, minutes(10), version="v1")
    lake.put(0, 5, minutes(10), version="v1")
    lake.settle()
    assert lake.said() == [(10, "v1")] * 10


def test_a_record_of_an_earlier_window_is_omitted_from_the_later_one(lake):
    lake.put(0, 10, minutes(50))
    lake.put(5, 15, minutes(70))
    assert (lake.settle(0).objects, lake.settle(1).objects) == (1, 2)
    assert lake.said(0) == [(50, "v1")] * 10
    assert lake.said(1) == [(10, "v1")] * 5


def test_earlier_objects_count_only_from_the_arrival_time_on(lake):
    """Sequence numbers belong to one stream: without that it would read the whole archive."""
    lake.put(0, 10, minutes(-121))
    lake.put(0, 10, minutes(10))
    assert lake.settle().objects == 1
    lake.put(0, 10, minutes(-119))
    assert lake.settle().objects == 2
    assert lake.rows() == []


def test_records_that_waited_long_are_searched_from_their_arrival_on(lake):
    lake.put(0, 10, minutes(50))
    lake.put(0, 10, minutes(50 + 600))
    assert lake.settle(10).objects == 2
    assert lake.rows(10) == []


def test_records_of_another_shard_are_distinct(lake):
    lake.put(0, 10, minutes(10))
    lake.put(0, 10, minutes(20), of="shardId-000000000001")
    lake.settle()
    lake.settle(shard="shardId-000000000001")
    assert len(lake.rows()) == len(lake.rows(shard="shardId-000000000001")) == 10


def test_the_progress_bar_is_disabled(tmp_path):
    with rows_in(tmp_path) as rows:
        setting = "SELECT current_setting('enable_progress_bar')"
        assert rows._connection.execute(setting).fetchall() == [(False,)]


def test_settling_again_gives_the_same_bytes(lake):
    for first in range(0, 300, 30):
        lake.put(first, first + 40, minutes(first // 10), version=f"v{first % 4}")
    lake.settle(sample_posts=20)
    bodies = lake.bodies()
    lake.settle(sample_posts=20)
    assert lake.bodies() == bodies


def test_a_part_does_not_depend_on_the_order_of_the_listing(lake, monkeypatch):
    for first in range(0, 300, 30):
        lake.put(first, first + 40, minutes(10), version="v1")
    lake.settle()
    bodies = lake.bodies()
    listed = archive.objects
    monkeypatch.setattr(archive, "objects", lambda *what: listed(*what)[::-1])
    lake.settle()
    assert lake.bodies() == bodies


def test_an_empty_window_has_an_empty_part(lake):
    summary = lake.settle(shard=NOTHING)
    assert (summary.posts, summary.objects, summary.counts) == (0, 0, ())
    assert lake.rows(shard=NOTHING) == []
    key = PREDICTIONS.summary_key(Part(hour(0), NOTHING))
    assert key == (
        "settled-summaries/date=2026-11-23/hour=10/"
        "20261123T100000Z-20261123T110000Z-none.summary.json"
    )
    assert lake.body(key)


def test_objects_without_rows_make_an_empty_part(lake):
    """`stresswatch forget` leaves such an object if all its rows are one person's."""
    lake.put(0, 10, minutes(10))
    lake.put(20, 30, minutes(20))
    found = archive.objects(lake.s3, "archive", minutes(0), minutes(60))
    for one, body in zip(found, (b"", gzip.compress(b"")), strict=True):
        lake.s3.put_object(Bucket="archive", Key=one.key, Body=body)
    assert (lake.settle().posts, lake.rows()) == (0, [])


def test_smoke_test_posts_are_stored_but_not_counted(lake):
    lake.put(0, 10, minutes(10))
    lake.put(10, 15, minutes(11), post=f"{SMOKE_PREFIX}{{}}")
    summary = lake.settle()
    assert (summary.posts, summary.smoke_posts, len(lake.rows())) == (10, 5, 15)
    assert len(lake.sample()) == 10


def test_the_summary_counts_by_version_and_source(lake):
    lake.put(0, 10, minutes(10))
    lake.put(10, 15, minutes(11), version="v2")
    summary = lake.settle()
    ten = [number / 10 for number in range(10)]
    assert summary.counts == (
        Counts(
            *("v1", "Ünï'", 10, 5, math.fsum(ten), math.fsum(n * n for n in ten), 10),
            *(0, 0.0, 0),
        ),
        Counts(
            *("v2", "Ünï'", 5, 0, 1.0, math.fsum(n * n for n in ten[:5]), 5),
            *(0, 0.0, 0),
        ),
    )
    text = lake.body(PREDICTIONS.summary_key(summary.part))
    assert Summary.from_json(text) == summary


def test_the_sample_has_each_versions_rows_with_the_smallest_ids(lake):
    lake.put(0, 40, minutes(10))
    lake.put(40, 60, minutes(11), version="v2")
    lake.put(60, 65, minutes(12), version="it's v3")
    lake.settle(sample_posts=8)
    rows = lake.rows()
    expected = [
        row
        for version in ("it's v3", "v1", "v2")
        for row in [one for one in rows if one["model_version"] == version][:8]
    ]
    assert [row["prediction_id"] for row in lake.sample()] == [
        row["prediction_id"] for row in expected
    ]
    assert [tuple(row.values()) for row in lake.sample()] == [
        tuple(row[name.lower()] for name in SAMPLE_COLUMNS) for row in expected
    ]


def test_rows_of_sampled_posts_are_stored_apart_and_counted(lake):
    """Posts from before the sampling began could not be sampled, and count as such."""
    lake.put(0, 10, minutes(10))
    lake.put(10, 20, minutes(11), shares=SampleShares(0.3))
    lake.put(20, 25, minutes(12), shares=SampleShares(0.3), post=f"{SMOKE_PREFIX}{{}}")
    (counts,) = lake.settle().counts
    assert (counts.posts, counts.drawable, counts.drawn) == (20, 10, 3)
    assert counts.drawable_probability_sum == pytest.approx(4.5)
    drawn = [row for row in lake.rows() if row["sample"] and "post-" in row["post_id"]]
    assert lake.drawn() == drawn
    assert [row["inclusion_probability"] for row in drawn] == [0.3] * 3


def test_a_shadow_archive_is_settled_without_samples(lake):
    lake.put(0, 10, minutes(10), archive_=SHADOW)
    lake.settle(archive_=SHADOW)
    assert len(lake.rows(archive_=SHADOW)) == 10
    keys = lake.keys()
    assert [key.partition("/")[0] for key in keys] == ["settled-shadow-summaries", "settled-shadow"]


class TestWriting:
    def test_an_overtaken_run_does_not_replace_newer_objects(self, lake):
        """The second lists more and writes first, at any object of the first."""
        for place in range(4):
            lake.put(100 * place, 100 * place + 10, minutes(place))
            lake.overtake_at(place, lambda place=place: lake.put_and_settle(100 * place + 10))
            with pytest.raises(Overtaken):
                lake.settle()
            bodies = lake.bodies()
            summary = lake.settle()
            assert summary.posts == 20 * (place + 1)
            assert lake.bodies() == bodies

    def test_the_next_run_completes_a_run_killed_between_writes(self, lake):
        lake.put(0, 10, minutes(10))
        for place in range(4):
            lake.put(100 + place, 101 + place, minutes(20))
            lake.overtake_at(place, kill)
            with pytest.raises(Killed):
                lake.settle()
            assert not lake.is_current()
            assert lake.settle().posts == 11 + place
            assert lake.is_current()
            assert len(lake.rows()) == len(lake.sample()) == 11 + place

    def test_rows_of_expired_objects_stay_in_the_part(self, lake):
        lake.put(0, 10, minutes(10))
        lake.put(10, 20, minutes(20))
        lake.settle()
        bodies = lake.bodies()
        key = archive.objects(lake.s3, "archive", minutes(0), minutes(60))[0].key
        lake.s3.delete_object(Bucket="archive", Key=key)
        assert lake.settle().posts == 20
        assert lake.bodies() == bodies

    def test_other_write_errors_are_raised(self, lake):
        lake.put(0, 10, minutes(10))
        lake.overtake_at(0, refuse)
        with pytest.raises(ClientError, match="SlowDown"):
            lake.settle()
