"""Settling on moto: which rows a part has, whatever was delivered how often and killed when."""

import io
from datetime import UTC, datetime, timedelta

import pyarrow.parquet as pq
import pytest

from stresswatch.contracts.posts import Post
from stresswatch.contracts.predictions import ARCHIVE_COLUMNS, Prediction, Record
from stresswatch.settled.places import PREDICTIONS, Part
from stresswatch.settled.settle import settle
from stresswatch.settled.windows import Window
from stresswatch.storage import archive

SHARD = "shardId-000000000000"
START = datetime(2026, 11, 23, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)


def minutes(number):
    return START + timedelta(minutes=number)


def hour(number):
    return Window(START + number * HOUR, START + (number + 1) * HOUR)


class Lake:
    """Archives batches of records that arrived at `START`, and settles."""

    def __init__(self, s3):
        self.s3 = s3

    def put(
        self, first, last, at, version="v1", *, of=SHARD, archive_=PREDICTIONS, post="post-{}",
        arrived=START,
    ):  # fmt: skip
        records = [
            Record(b"", "posts", of, f"{number:05}", arrived.timestamp())
            for number in range(first, last)
        ]
        predictions = [
            Prediction(
                record.prediction_id,
                Post(
                    post.format(number), "text", (0.5, float("nan"), 1 / 3, 2.0, -1.0), "Ünï'", None
                ),
                (number % 10) / 10,
                (0.1,) * 5,
                version,
                at.isoformat(),
                text_digest="0" * 32,
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

    def said(self, number=0):
        """The moments, versions and count of a window's rows."""
        rows = self.rows(number)
        ids = [row["prediction_id"] for row in rows]
        assert ids == sorted(set(ids))
        return sorted((row["predicted_at"].minute, row["model_version"]) for row in rows)

    def body(self, key):
        return self.s3.get_object(Bucket="archive", Key=key)["Body"].read()

    def bodies(self, number=0):
        part = Part(hour(number), SHARD)
        keys = (
            PREDICTIONS.rows_key(part), PREDICTIONS.sample_key(part), PREDICTIONS.summary_key(part)
        )  # fmt: skip
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
    (key,) = [
        item["Key"]
        for item in lake.s3.list_objects_v2(Bucket="archive", Prefix="settled/")["Contents"]
    ]
    assert key == (
        f"settled/date=2026-11-23/hour=10/20261123T100000Z-20261123T110000Z-{SHARD}.parquet"
    )
    schema = pq.read_schema(io.BytesIO(lake.body(key)))
    assert schema.names == [name.lower() for name in ARCHIVE_COLUMNS]
    assert str(schema.field("predicted_at").type) == "timestamp[ms]"
