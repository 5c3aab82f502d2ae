"""Settled parts lose a person's rows, also when they are settled again."""

from __future__ import annotations

import io
from datetime import timedelta

import pyarrow.parquet as pq
import pytest

from stresswatch.settled.listing import look_at
from stresswatch.settled.places import PREDICTIONS, SHADOW, Part, settled_parts
from stresswatch.settled.settle import settle
from stresswatch.settled.summaries import read_summaries
from stresswatch.settled.windows import Window
from tests.integration.forget.kept import NOW, OTHERS, THEIRS

ARCHIVES = pytest.mark.parametrize("archive", [PREDICTIONS, SHADOW], ids=lambda one: one.name)
HOUR = NOW.replace(minute=0, second=0, microsecond=0)
WINDOW = Window(HOUR, HOUR + timedelta(hours=1))
PART = Part(WINDOW, "shardId-0")


def settle_hour(kept, archive):
    return settle(kept.s3, kept.buckets["archive"], archive, PART, sample_posts=100)


def rows(kept, archive):
    table = pq.read_table(io.BytesIO(kept.body("archive", archive.rows_key(PART))))
    return table.to_pylist()


def stale(kept, archive):
    return look_at(kept.s3, kept.buckets["archive"], archive, [WINDOW]).stale


@ARCHIVES
def test_settled_parts_lose_only_the_persons_rows(kept, archive):
    kept.archive(OTHERS, THEIRS, prefix=archive.raw)
    settle_hour(kept, archive)
    before = rows(kept, archive)
    schema = pq.read_schema(io.BytesIO(kept.body("archive", archive.rows_key(PART))))
    kept.forget()
    assert rows(kept, archive) == [row for row in before if row["post_id"] == OTHERS]
    assert pq.read_schema(io.BytesIO(kept.body("archive", archive.rows_key(PART)))) == schema


@ARCHIVES
def test_a_removal_does_not_make_settled_parts_stale(kept, archive):
    kept.archive(OTHERS, THEIRS, prefix=archive.raw)
    settle_hour(kept, archive)
    kept.forget()
    assert stale(kept, archive) == []


@ARCHIVES
def test_settling_again_does_not_restore_a_persons_rows(kept, archive):
    kept.archive(OTHERS, THEIRS, prefix=archive.raw)
    settle_hour(kept, archive)
    kept.forget()
    kept.archive("late", first="5", prefix=archive.raw)
    assert len(stale(kept, archive)) == 1
    settle_hour(kept, archive)
    assert sorted(row["post_id"] for row in rows(kept, archive)) == sorted(["late", OTHERS])


def test_a_part_with_one_persons_rows_becomes_an_empty_part(kept):
    kept.archive(THEIRS)
    settle_hour(kept, PREDICTIONS)
    kept.forget()
    assert rows(kept, PREDICTIONS) == []
    assert stale(kept, PREDICTIONS) == []
    kept.archive("late", first="5")
    assert settle_hour(kept, PREDICTIONS).posts == 1


def test_rows_are_removed_when_the_raw_objects_have_expired(kept):
    kept.archive(OTHERS, THEIRS)
    settle_hour(kept, PREDICTIONS)
    for key in kept.keys("archive"):
        if key.startswith(PREDICTIONS.raw):
            kept.s3.delete_object(Bucket=kept.buckets["archive"], Key=key)
    kept.forget()
    assert [row["post_id"] for row in rows(kept, PREDICTIONS)] == [OTHERS]
    assert stale(kept, PREDICTIONS) == []


def test_summaries_and_samples_omit_post_ids(kept):
    kept.archive(OTHERS, THEIRS)
    settle_hour(kept, PREDICTIONS)
    kept.forget()
    for key in kept.keys("archive"):
        if key.startswith((PREDICTIONS.summaries, str(PREDICTIONS.samples))):
            body = kept.body("archive", key)
            assert THEIRS.encode() not in body
            assert OTHERS.encode() not in body
    bucket = kept.buckets["archive"]
    parts = settled_parts(kept.s3, bucket, PREDICTIONS, WINDOW.start, WINDOW.end)
    (summary,) = read_summaries(kept.s3, bucket, PREDICTIONS, parts)
    assert summary.posts == 2, "figures of whole windows stay"
    sample = pq.read_table(io.BytesIO(kept.body("archive", str(PREDICTIONS.sample_key(PART)))))
    assert "post_id" not in sample.column_names
