"""The drift function on moto: what a window of the archive makes it publish."""

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import boto3
import pandas as pd
import pytest

from lambdas.drift.handler import handler
from stresswatch import archive
from stresswatch.artefact import Artefact
from stresswatch.drift_history import SCHEMA
from stresswatch.posts import NUMERIC_FEATURES
from stresswatch.predictions import DRIFT_COLUMNS, Record, predict
from stresswatch.windows import InvalidWindow
from tests.conftest import make_posts
from tests.integration.conftest import CONTEXT

START = datetime(2026, 11, 23, 10, 30, tzinfo=UTC)
WINDOW = {"start": START.isoformat(), "end": (START + timedelta(hours=1)).isoformat()}
CALM_ONLY = [post for post in make_posts(400, seed=6) if post.label == 0]


@pytest.fixture
def champion(aws, version_files):
    return aws.promote("v1", version_files)


@pytest.fixture
def archived(aws, version_files):
    """Archive predictions of posts, made at a time, in batches of 50."""

    def put(posts, at=START, version="v1", first=0):
        artefact = Artefact.from_bytes(version_files["model.npz"])
        for begin in range(0, len(posts), 50):
            numbers = range(first + begin, first + min(begin + 50, len(posts)))
            records = [
                Record(b"", "posts", "shard", f"{number:06}", at.timestamp()) for number in numbers
            ]
            batch = [
                (record.prediction_id, labelled.post)
                for record, labelled in zip(records, posts[begin : begin + 50], strict=True)
            ]
            archive.write(
                aws.s3, "archive", records, predict(batch, artefact, version, at.isoformat())
            )

    return put


def history(aws):
    """The whole history, read as a notebook would."""
    keys = aws.keys("archive", "drift/")
    return pd.concat(
        [pd.read_parquet(io.BytesIO(aws.body("archive", key))) for key in keys], ignore_index=True
    )


def published(name, column=None):
    of_column = [{"Name": "Column", "Value": column}] if column else []
    answer = boto3.client("cloudwatch").get_metric_statistics(
        Namespace="Stresswatch",
        MetricName=name,
        Dimensions=[{"Name": "Stage", "Value": "dev"}, *of_column],
        StartTime=datetime.now(UTC) - timedelta(minutes=10),
        EndTime=datetime.now(UTC) + timedelta(minutes=10),
        Period=3600,
        Statistics=["Maximum"],
    )
    return [point["Maximum"] for point in answer["Datapoints"]]


def test_a_window_like_the_reference_shows_no_drift(aws, champion, archived):
    archived(make_posts(100, seed=7))
    answer = handler(WINDOW, CONTEXT)
    assert (answer["status"], answer["posts"], answer["share"]) == ("measured", 100, 0.0)
    assert published("DriftShare") == [0.0]
    assert published("WindowPosts") == [100.0]


def test_a_window_of_other_posts_shows_drift_and_leaves_a_report(aws, champion, archived):
    archived(CALM_ONLY)
    answer = handler(WINDOW, CONTEXT)
    assert answer["share"] > 0.3
    assert answer["columns"]["probability"]["drifted"]
    assert published("DriftShare") == [answer["share"]]
    key = answer["report"].removeprefix("s3://archive/")
    assert b"<html" in aws.body("archive", key)[:2000].lower()


def test_each_column_has_figures_of_its_own(aws, champion, archived):
    archived(CALM_ONLY)
    answer = handler(WINDOW, CONTEXT)
    for name in DRIFT_COLUMNS:
        column = answer["columns"][name]
        assert published("ColumnDrift", name) == [float(column["drifted"])]
        assert published("ColumnDistance", name) == [column["distance"] / column["least"]]
    assert published("FailedColumns") == [0.0]


def test_the_history_has_a_row_for_each_window_and_column(aws, champion, archived):
    archived(CALM_ONLY)
    answer = handler(WINDOW, CONTEXT)
    earlier = START - timedelta(hours=12)
    handler({"start": earlier.isoformat(), "end": START.isoformat()}, CONTEXT)
    assert aws.keys("archive", "drift/") == [
        "drift/date=2026-11-22/20261122T223000Z-20261123T103000Z-v1.parquet",
        "drift/date=2026-11-23/20261123T103000Z-20261123T113000Z-v1.parquet",
    ]
    rows = history(aws)
    assert rows.columns.tolist() == SCHEMA.names
    too_small, measured = (part for _, part in rows.groupby("window_start"))
    for part in (too_small, measured):
        assert tuple(part["column_name"]) == DRIFT_COLUMNS
    assert too_small[["test", "share", "drifted", "failed"]].isna().all(axis=None)
    assert set(too_small["status"]) == {"too_small"}
    drifted = [name for name, column in answer["columns"].items() if column["drifted"]]
    assert measured.loc[measured["drifted"].astype(bool), "column_name"].tolist() == drifted
    assert (measured["share"] == answer["share"]).all()
    assert (measured["compared"] == len(CALM_ONLY)).all()


def test_a_window_that_is_measured_again_is_in_the_history_once(aws, champion, archived):
    archived(CALM_ONLY[:60])
    handler(WINDOW, CONTEXT)
    archived(CALM_ONLY[60:], first=100)
    handler(WINDOW, CONTEXT)
    assert history(aws)["posts"].tolist() == [len(CALM_ONLY)] * len(DRIFT_COLUMNS)


def test_a_column_without_values_is_in_the_history_with_the_reason(aws, champion, archived):
    nothing = dict.fromkeys(NUMERIC_FEATURES, float("nan")).values()
    archived([replace(one, post=one.post._replace(numbers=tuple(nothing))) for one in CALM_ONLY])
    handler(WINDOW, CONTEXT)
    failed = history(aws).set_index("column_name")["failed"].dropna()
    assert set(failed.index) == set(NUMERIC_FEATURES)
    assert set(failed) == {"the window has 0 values; there must be 20"}
    assert published("FailedColumns") == [5.0]


def test_a_window_below_the_minimum_is_reported_as_too_small_without_a_figure(
    aws, champion, archived
):
    archived(CALM_ONLY[:49])
    answer = handler(WINDOW, CONTEXT)
    assert (answer["status"], answer["posts"]) == ("too_small", 49)
    assert "share" not in answer
    assert published("DriftShare") == []
    assert published("WindowPosts") == [49.0]
    assert aws.keys("archive", "reports/") == []


def test_an_empty_window_is_too_small(aws, champion):
    assert handler(WINDOW, CONTEXT)["status"] == "too_small"
    assert published("WindowPosts") == [0.0]


def test_before_the_first_promotion_there_is_nothing_to_compare_with(aws, archived):
    archived(CALM_ONLY)
    assert handler(WINDOW, CONTEXT)["status"] == "no_champion"
    assert published("DriftShare") == []


def test_rows_outside_the_window_and_of_an_earlier_champion_do_not_count(aws, champion, archived):
    archived(make_posts(60, seed=7), at=START - timedelta(seconds=1))
    archived(make_posts(60, seed=7), at=START + timedelta(hours=1), first=100)
    archived(make_posts(60, seed=7), version="v0", first=200)
    archived(make_posts(70, seed=7), at=START + timedelta(minutes=59), first=300)
    assert handler(WINDOW, CONTEXT)["posts"] == 70


def test_a_record_that_was_delivered_twice_counts_once(aws, champion, archived):
    posts = make_posts(60, seed=7)
    archived(posts)
    archived(posts, at=START + timedelta(minutes=1))
    assert handler(WINDOW, CONTEXT)["posts"] == 60


def test_without_a_window_in_the_event_it_is_the_last_hour(aws, champion, archived):
    archived(make_posts(60, seed=7), at=datetime.now(UTC) - timedelta(minutes=5))
    archived(make_posts(60, seed=7), at=datetime.now(UTC) - timedelta(minutes=65), first=100)
    assert handler({}, CONTEXT)["posts"] == 60


@pytest.mark.parametrize(
    "event",
    [
        {"start": "yesterday"},
        {"start": 5},
        {"start": "2026-11-23T10:00:00+00:00", "end": "2026-11-23T10:00:00+00:00"},
        {"start": "2026-11-23T10:00:00"},
    ],
)
def test_an_event_without_a_proper_window_is_refused(aws, champion, event):
    with pytest.raises(InvalidWindow):
        handler(event, CONTEXT)
