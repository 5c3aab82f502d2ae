"""Drift of settled windows equals the drift of their archived rows, to the last digit."""

import heapq
import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from cli.smoke import smoke_posts
from lambdas.drift.handler import handler as drift
from stresswatch.contracts.posts import SMOKE_PREFIX
from stresswatch.contracts.predictions import Record
from stresswatch.model.artefact import Artefact
from stresswatch.model.predict import predict
from stresswatch.monitoring.drift import measure_drift
from stresswatch.monitoring.drift_rules import DriftRules
from stresswatch.settled.places import PREDICTIONS, NotSettled, settled_parts
from stresswatch.settled.windows import Window
from stresswatch.storage import archive
from tests.conftest import make_posts
from tests.integration.conftest import CONTEXT
from tests.integration.workflow import measure, settle_planned

HOUR = timedelta(hours=1)
START = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=3)
SHARDS = ("shardId-000000000000", "shardId-000000000001", "shardId-000000000002")


@pytest.fixture
def champion(aws, version_files):
    return aws.promote("v1", version_files)


@pytest.fixture
def put(aws, version_files):
    artefact = Artefact.from_bytes(version_files["model.npz"])

    def put(posts, first, minute, *, shard=SHARDS[0], version="v1"):
        at = START + timedelta(minutes=minute, microseconds=minute)
        records = [
            Record(b"", "posts", shard, f"{first + place:06}", START.timestamp())
            for place in range(len(posts))
        ]
        batch = [(one.prediction_id, two.post) for one, two in zip(records, posts, strict=True)]
        archive.write(aws.s3, "archive", records, predict(batch, artefact, version, at.isoformat()))

    return put


@pytest.fixture
def eventful(put):
    """Three shards' posts of three hours: delivered again in other batches, under two champions."""
    nan = float("nan")
    for place, shard in enumerate(SHARDS):
        posts = make_posts(320, seed=20 + place)
        posts = [
            replace(one, post=one.post._replace(numbers=(nan, *one.post.numbers[1:])))
            if number % 7 == 0
            else one
            for number, one in enumerate(posts)
        ]
        calm = [one for one in posts if one.label == 0]
        put(posts[:60], 0, 50, shard=shard)
        put(posts[20:90], 20, 63, shard=shard)  # the first 40 belong to the hour before
        put(calm[:70], 1000, 70, shard=shard)
        put(calm[10:40], 1010, 71, shard=shard, version="v2")
        put(calm[70:100], 1070, 80, shard=shard, version="v2")
        put(calm[90:], 1090, 119, shard=shard)
        put(posts[:40], 2000, 119, shard=shard)
        put(posts[10:80], 2010, 121, shard=shard)
        put(smoke_posts("run"), 3000, 90, shard=shard)


def from_rows(aws, window, maximum):
    """Measure the archive reader's rows, without summaries or samples."""
    rows = [
        row
        for row in archive.stream(aws.s3, "archive", window.start, window.end, HOUR)
        if row["model_version"] == "v1" and not row["post_id"].startswith(SMOKE_PREFIX)
    ]
    kept = heapq.nsmallest(maximum, rows, key=lambda row: row["prediction_id"])
    reference = pd.read_parquet(io.BytesIO(aws.body("models", "models/v1/reference.parquet")))
    found = measure_drift(pd.DataFrame(kept), reference, DriftRules())
    return {"posts": len(rows), "compared": len(kept)} | found.as_dict()


@pytest.mark.parametrize("maximum", [10_000, 100])
def test_drift_of_settled_windows_equals_that_of_archived_rows(
    aws, champion, eventful, monkeypatch, maximum
):
    monkeypatch.setenv("MAXIMUM_WINDOW_POSTS", str(maximum))
    monkeypatch.setenv("SAMPLE_POSTS", str(maximum))
    for number in (0, 1, 2):
        window = Window(START + number * HOUR, START + (number + 1) * HOUR)
        expected = from_rows(aws, window, maximum)
        assert expected["posts"] >= 60
        answer = measure({"start": window.start.isoformat(), "end": window.end.isoformat()})
        assert {name: answer[name] for name in expected} == expected
        assert answer["compared"] == min(maximum, answer["posts"])


def test_a_window_with_an_unsettled_part_is_not_measured(aws, champion, eventful):
    event = {"start": START.isoformat(), "end": (START + HOUR).isoformat()}
    (window,) = settle_planned(event)["windows"]
    assert window["shards"] == 3
    parts = settled_parts(aws.s3, "archive", PREDICTIONS, START, START + HOUR)
    key = PREDICTIONS.summary_key(parts[0])
    aws.s3.delete_object(Bucket="archive", Key=key)
    with pytest.raises(NotSettled, match="2 of the window's 3 parts"):
        drift(window, CONTEXT)
    assert aws.keys("archive", "drift/") == []


def test_a_span_of_several_windows_is_measured_as_one(aws, champion, eventful):
    end = START + 3 * HOUR
    expected = from_rows(aws, Window(START, end), 10_000)
    answer = measure({"start": START.isoformat(), "end": end.isoformat()})
    assert {name: answer[name] for name in expected} == expected
    assert (answer["start"], answer["end"]) == (START.isoformat(), end.isoformat())
