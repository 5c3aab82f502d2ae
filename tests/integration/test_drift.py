"""The drift function on moto: the metrics and events that it publishes for a window."""

import io
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import boto3
import pandas as pd
import pytest
from moto.core import DEFAULT_ACCOUNT_ID
from moto.sns.models import sns_backends

from cli.smoke import smoke_posts
from stresswatch.contracts.posts import NUMERIC_FEATURES
from stresswatch.contracts.predictions import MONITORED_FEATURES, Record
from stresswatch.model.artefact import Artefact
from stresswatch.model.predict import predict
from stresswatch.monitoring.drift_history import SCHEMA
from stresswatch.settled.windows import InvalidWindow, Window
from stresswatch.storage import archive
from tests.conftest import make_posts
from tests.integration.workflow import measure

HOUR = timedelta(hours=1)
START = datetime.now(UTC).replace(hour=10, minute=30, second=0, microsecond=0) - timedelta(days=2)
END = START + HOUR
WINDOW = {"start": START.isoformat(), "end": END.isoformat()}
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
    """The whole history, as read in a notebook."""
    keys = aws.keys("archive", "drift/")
    return pd.concat(
        [pd.read_parquet(io.BytesIO(aws.body("archive", key))) for key in keys], ignore_index=True
    )


def published(name, feature=None):
    of_feature = [{"Name": "Feature", "Value": feature}] if feature else []
    answer = boto3.client("cloudwatch").get_metric_statistics(
        Namespace="Stresswatch",
        MetricName=name,
        Dimensions=[{"Name": "Stage", "Value": "dev"}, *of_feature],
        StartTime=END,
        EndTime=END + timedelta(minutes=1),
        Period=60,
        Statistics=["Maximum"],
    )
    return [point["Maximum"] for point in answer["Datapoints"]]


def sent(topic):
    """The published messages, with their subjects."""
    return sns_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].topics[topic].sent_notifications


def test_a_window_like_the_reference_shows_no_drift(aws, champion, archived):
    archived(make_posts(100, seed=7))
    answer = measure(WINDOW)
    assert (answer["status"], answer["posts"], answer["share"]) == ("measured", 100, 0.0)
    assert published("DriftShare") == [0.0]
    assert published("WindowPosts") == [100.0]


def test_a_window_of_different_posts_shows_drift_and_has_a_report(aws, champion, archived):
    archived(CALM_ONLY)
    answer = measure(WINDOW)
    assert answer["share"] > 0.3
    assert answer["features"]["probability"]["drifted"]
    assert published("DriftShare") == [answer["share"]]
    assert published("EstimatedF1") == [answer["estimated_f1"]]
    key = answer["report"].removeprefix("s3://archive/")
    assert b"<html" in aws.body("archive", key)[:2000].lower()


def test_each_drifted_feature_has_a_metric(aws, champion, archived):
    archived(CALM_ONLY)
    answer = measure(WINDOW)
    drifted = {name for name, feature in answer["features"].items() if feature["drifted"]}
    assert 0 < len(drifted) < len(MONITORED_FEATURES)
    assert drifted == {
        name for name in MONITORED_FEATURES if published("FeatureDrift", name) == [1.0]
    }
    assert published("FailedComparisons") == [0.0]


def test_the_history_has_a_row_for_each_window_and_feature(aws, champion, archived):
    archived(CALM_ONLY)
    answer = measure(WINDOW)
    earlier = START - timedelta(hours=12)
    measure({"start": earlier.isoformat(), "end": START.isoformat()})
    assert aws.keys("archive", "drift/") == [
        f"drift/date={window.start:%Y-%m-%d}/{window.name}-v1.parquet"
        for window in (Window(earlier, START), Window(START, END))
    ]
    rows = history(aws)
    assert rows.columns.tolist() == SCHEMA.names
    too_small, measured = (part for _, part in rows.groupby("window_start"))
    for part in (too_small, measured):
        assert tuple(part["feature"]) == MONITORED_FEATURES
    assert too_small[["test", "share", "drifted", "failed"]].isna().all(axis=None)
    assert set(too_small["status"]) == {"too_small"}
    drifted = [name for name, feature in answer["features"].items() if feature["drifted"]]
    assert measured.loc[measured["drifted"].astype(bool), "feature"].tolist() == drifted
    assert (measured["share"] == answer["share"]).all()
    assert (measured["compared"] == len(CALM_ONLY)).all()


def test_a_remeasured_window_is_in_the_history_once(aws, champion, archived):
    archived(CALM_ONLY[:60])
    measure(WINDOW)
    archived(CALM_ONLY[60:], first=100)
    measure(WINDOW)
    assert history(aws)["posts"].tolist() == [len(CALM_ONLY)] * len(MONITORED_FEATURES)


def test_a_feature_without_values_is_in_the_history_with_the_reason(aws, champion, archived):
    nothing = dict.fromkeys(NUMERIC_FEATURES, float("nan")).values()
    archived([replace(one, post=one.post._replace(numbers=tuple(nothing))) for one in CALM_ONLY])
    measure(WINDOW)
    failed = history(aws).set_index("feature")["failed"].dropna()
    assert set(failed.index) == set(NUMERIC_FEATURES)
    assert set(failed) == {"the window has 0 values; at least 20 are needed"}
    assert published("FailedComparisons") == [5.0]


def test_a_window_below_the_minimum_is_too_small_and_has_no_share(aws, champion, archived):
    archived(CALM_ONLY[:49])
    answer = measure(WINDOW)
    assert (answer["status"], answer["posts"]) == ("too_small", 49)
    assert "share" not in answer
    assert published("DriftShare") == []
    assert published("WindowPosts") == [49.0]
    assert aws.keys("archive", "reports/") == ["reports/index.html"]
    assert aws.messages() == []


def test_an_empty_window_is_too_small(aws, champion):
    assert measure(WINDOW)["status"] == "too_small"
    assert published("WindowPosts") == [0.0]


def test_before_the_first_promotion_drift_is_not_measured(aws, archived):
    archived(CALM_ONLY)
    assert measure(WINDOW)["status"] == "no_champion"
    assert published("DriftShare") == []


def test_only_rows_of_the_window_and_the_champion_count(aws, champion, archived):
    archived(make_posts(60, seed=7), at=START - timedelta(seconds=1))
    archived(make_posts(60, seed=7), at=START + HOUR, first=100)
    archived(make_posts(60, seed=7), version="v0", first=200)
    archived(make_posts(70, seed=7), at=START + timedelta(minutes=59), first=300)
    assert measure(WINDOW)["posts"] == 70


def test_smoke_test_posts_do_not_count(aws, champion, archived):
    archived(smoke_posts("run"))
    archived(make_posts(70, seed=7), first=500)
    assert measure(WINDOW)["posts"] == 70


def test_a_redelivered_record_counts_once(aws, champion, archived):
    posts = make_posts(60, seed=7)
    archived(posts)
    archived(posts, at=START + timedelta(minutes=1))
    assert measure(WINDOW)["posts"] == 60


def test_a_scheduled_event_measures_its_last_full_hour(aws, champion, archived):
    ten = START.replace(minute=0)
    archived(make_posts(60, seed=7), at=ten)
    archived(make_posts(60, seed=7), at=ten + HOUR, first=100)
    answer = measure({"time": f"{ten + HOUR:%Y-%m-%dT%H}:02:00Z"})
    assert answer["posts"] == 60
    assert (answer["start"], answer["end"]) == (ten.isoformat(), (ten + HOUR).isoformat())


def test_an_empty_event_measures_the_last_full_hour(aws, champion):
    answer = measure({})
    end = datetime.fromisoformat(answer["end"])
    assert end.minute == 0
    assert timedelta(0) < datetime.now(UTC) - end < timedelta(minutes=63)


def test_a_redelivered_record_belongs_to_its_first_window(aws, champion, archived):
    """Both windows list an object of the batch, and only one counts its posts."""
    posts = make_posts(120, seed=7)
    archived(posts[:60], at=START + timedelta(minutes=59, seconds=50))
    archived(posts[:60], at=START + timedelta(minutes=60, seconds=10))
    archived(posts[60:], at=START + timedelta(minutes=70), first=60)
    following = {
        "start": WINDOW["end"],
        "end": (START + timedelta(hours=2)).isoformat(),
    }
    assert measure(WINDOW)["posts"] == 60
    assert measure(following)["posts"] == 60


def test_late_posts_count_when_their_window_is_measured_again(aws, champion, archived):
    archived(make_posts(60, seed=7))
    assert measure(WINDOW)["posts"] == 60
    archived(make_posts(20, seed=8), first=100)
    assert measure(WINDOW)["posts"] == 80
    assert set(history(aws)["posts"]) == {80}


def test_a_window_too_old_for_cloudwatch_is_still_measured(aws, champion, archived):
    long_ago = START - timedelta(days=30)
    archived(CALM_ONLY, at=long_ago)
    window = {"start": long_ago.isoformat(), "end": (long_ago + HOUR).isoformat()}
    assert measure(window)["status"] == "measured"
    assert history(aws)["drifted"].any()
    assert boto3.client("cloudwatch").list_metrics(Namespace="Stresswatch")["Metrics"] == []


def test_a_large_window_is_sampled_and_reported_as_such(aws, champion, archived, monkeypatch):
    monkeypatch.setenv("MAXIMUM_WINDOW_POSTS", "80")
    archived(CALM_ONLY)
    answer = measure(WINDOW)
    assert (answer["posts"], answer["compared"]) == (len(CALM_ONLY), 80)
    assert published("WindowPosts") == [len(CALM_ONLY)]
    assert set(history(aws)["compared"]) == {80}
    said = f"a sample of 80 of {len(CALM_ONLY)} posts"
    assert said in aws.body("archive", answer["report"].removeprefix("s3://archive/")).decode()
    assert said in aws.body("archive", "reports/index.html").decode()
    assert said in aws.messages()[0]
    assert measure(WINDOW)["features"] == answer["features"]


def test_people_are_notified_once_of_drift_with_links(aws, champion, archived):
    for hour, posts in enumerate((make_posts(100, seed=7), CALM_ONLY, CALM_ONLY)):
        start = START + timedelta(hours=hour)
        archived(posts, at=start, first=1000 * hour)
        measure({"start": start.isoformat(), "end": (start + HOUR).isoformat()})
    (message,) = aws.messages()
    drifted = Window(END, END + HOUR)
    assert f"{drifted.start:%Y-%m-%d} 11:30 to {drifted.end:%Y-%m-%d} 12:30 UTC" in message
    assert "- probability: wasserstein" in message
    page, index = re.findall(r"https://\S+", message)
    assert f"reports/{drifted.name}-v1.html" in page
    for link in (page, index):
        query = parse_qs(urlsplit(link).query)
        assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
        assert query["X-Amz-Expires"] == [str(12 * 3600)]
    listed = re.findall(r'<a href="([^"]+)"', aws.body("archive", "reports/index.html").decode())
    assert [urlsplit(link).path.rpartition("/")[2] for link in listed] == [
        f"{Window(start, start + HOUR).name}-v1.html" for start in (END + HOUR, END, START)
    ]


@pytest.mark.parametrize("draws_posts", [True, False])
def test_the_notification_says_which_posts_to_label_and_how(
    aws, champion, archived, monkeypatch, draws_posts
):
    monkeypatch.setenv("DRAWS_POSTS", str(draws_posts).lower())
    archived(CALM_ONLY)
    measure(WINDOW)
    (message,) = aws.messages()
    day = f"{START:%Y-%m-%d}"
    assert (f"Label the posts sampled since {day}," in message) is draws_posts
    assert (f"choose posts since {day} at random" in message) is not draws_posts
    assert ("labelling.label_sample_share" in message) is not draws_posts
    commands = [line.split() for line in message.splitlines() if line.startswith("  stresswatch")]
    *exports, label = commands
    assert label == ["stresswatch", "label", "FILE", "--stage", "dev"]
    assert len(exports) == draws_posts
    if draws_posts:
        assert exports[0][1:3] == ["queue", "export"]
        assert exports[0][exports[0].index("--from") + 1] == day


def test_people_are_notified_once_enough_windows_have_drifted(aws, champion, archived, monkeypatch):
    monkeypatch.setenv("DRIFT_WINDOWS_TO_ALARM", "2")
    monkeypatch.setenv("DRIFT_WINDOWS_EVALUATED", "3")
    quiet, drifted, too_few = make_posts(100, seed=7), CALM_ONLY, CALM_ONLY[:49]
    told = []
    for hour, posts in enumerate((drifted, quiet, too_few, drifted, drifted, quiet, quiet)):
        start = START + timedelta(hours=hour)
        archived(posts, at=start, first=1000 * hour)
        measure({"start": start.isoformat(), "end": (start + HOUR).isoformat()})
        told.append(len(aws.messages()))  # which are read once
    # Too small a window is skipped; as long as the alarm lasts, no further message is sent.
    assert told == [0, 0, 0, 1, 0, 0, 0]


def test_a_notification_too_long_for_sns_is_truncated(aws, champion, archived, monkeypatch):
    """A link ends with the signer's token, for whose length AWS documents no limit."""
    monkeypatch.setenv("AWS_SESSION_TOKEN", "t" * 300_000)
    monkeypatch.setenv("STAGE", "a" * 100)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    archived(CALM_ONLY)
    measure(WINDOW)
    ((_, message, subject, *_),) = sent(aws.topic)
    assert subject == f"Stresswatch {'a' * 87}"
    assert message.startswith(f"The posts of {START:%Y-%m-%d %H:%M} to ")
    assert message.endswith("(cut: the message was too long)")


def test_the_index_lists_uncompared_windows_too(aws, champion, archived):
    archived(CALM_ONLY[:49])
    measure(WINDOW)
    page = aws.body("archive", "reports/index.html").decode()
    assert f"{START:%Y-%m-%d} 10:30 to {END:%Y-%m-%d} 11:30 UTC" in page
    assert "49 posts, not compared" in page
    assert "too_small" in page


@pytest.mark.parametrize(
    "event",
    [
        {"start": "yesterday"},
        {"start": 5},
        {"start": "2026-11-23T10:00:00+00:00", "end": "2026-11-23T10:00:00+00:00"},
        {"start": "2026-11-23T10:00:00"},
        {"end": "2026-11-23T10:00:00"},
    ],
)
def test_an_event_with_an_invalid_window_is_rejected(aws, champion, event):
    with pytest.raises(InvalidWindow):
        measure(event)
