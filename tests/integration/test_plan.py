"""The plan function on moto: its list, and the next step once that is settled."""

import gzip
import json
from datetime import UTC, datetime, timedelta

import pytest

from lambdas.plan.handler import handler
from lambdas.settle.handler import handler as settle
from stresswatch.contracts.posts import Post
from stresswatch.contracts.predictions import Prediction, Record
from stresswatch.monitoring import drift_history
from stresswatch.monitoring.drift_history import WindowDrift
from stresswatch.settled.windows import InvalidWindow, Window
from stresswatch.storage import archive
from stresswatch.versions.shadow import ARCHIVE_PREFIX
from tests.integration.conftest import CONTEXT
from tests.integration.workflow import settle_planned

HOUR = timedelta(hours=1)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
RUN = {"time": "2026-11-23T12:02:00Z"}
SHARDS = [f"shardId-{number:012}" for number in range(3)]


@pytest.fixture
def put(aws):
    """Archive a batch at a time, of records that arrived this many hours before."""

    def put(hours, *, first=0, shard=SHARDS[0], waited=0.0, prefix=archive.PREFIX):
        at = NOON + hours * HOUR
        records = [
            Record(b"", "posts", shard, f"{number:05}", (at - waited * HOUR).timestamp())
            for number in range(first, first + 3)
        ]
        post = Post("post", "text", (0.5,) * 5, None, None)
        predictions = [
            Prediction(record.prediction_id, post, 0.5, (0.1,) * 5, "v1", at.isoformat())
            for record in records
        ]
        archive.write(aws.s3, "archive", records, predictions, prefix)

    return put


def jobs(planned):
    """Hours from noon, shards and archives of the jobs, in short."""
    return [
        (
            (datetime.fromisoformat(job["start"]) - NOON) // HOUR,
            job["shard"].removeprefix("shardId-00000000000"),
            job["archive"],
        )
        for job in planned["jobs"]
    ]


def measured(planned):
    return [
        ((datetime.fromisoformat(window["start"]) - NOON) // HOUR, window["shards"])
        for window in planned["windows"]
    ]


def test_each_shard_of_each_window_is_settled_once(aws, put):
    for shard in SHARDS:
        put(-0.5, shard=shard)
        put(-1.5, first=10, shard=shard)
    put(-0.2, prefix=ARCHIVE_PREFIX)
    planned = settle_planned(RUN)
    assert jobs(planned) == [
        *((-2, str(number), "predictions") for number in range(3)),
        (-1, "0", "predictions"), (-1, "0", "shadow"),
        (-1, "1", "predictions"), (-1, "2", "predictions"),
    ]  # fmt: skip
    assert measured(planned) == [(-2, 3), (-1, 3)]
    assert planned["quality"] == {"time": NOON.isoformat()}
    assert handler(RUN, CONTEXT)["jobs"] == []


def test_the_part_of_a_late_object_is_settled_and_measured_again(aws, put):
    put(-1.5)
    put(-0.5, first=10)
    settle_planned(RUN)
    for hour in (-2, -1):
        window = Window(NOON + hour * HOUR, NOON + (hour + 1) * HOUR)
        drift_history.write(aws.s3, "archive", WindowDrift(window, "v1", "too_small", 3))
    assert measured(handler(RUN, CONTEXT)) == [(-1, 1)]
    put(-1.4, first=20)
    planned = handler(RUN, CONTEXT)
    assert (jobs(planned), measured(planned)) == ([(-2, "0", "predictions")], [(-2, 1), (-1, 1)])
    assert settle(planned["jobs"][0], CONTEXT) == {"posts": 6, "objects": 2}
    assert handler(RUN, CONTEXT)["jobs"] == []


def test_a_window_whose_drift_failed_is_retried_by_the_next_run(aws, put):
    put(-1.5)
    put(-0.5, first=10)
    settle_planned(RUN)
    assert measured(handler(RUN, CONTEXT)) == [(-2, 1), (-1, 1)]


def test_records_that_waited_for_days_are_settled_once(aws, put):
    """Their earlier delivery is from before the hours that a run lists by itself."""
    put(-60, waited=12)
    put(-0.5, waited=71.5)
    planned = settle_planned(RUN)
    assert jobs(planned) == [(-1, "0", "predictions")]
    assert settle(planned["jobs"][0], CONTEXT) == {"posts": 0, "objects": 2}
    assert handler(RUN, CONTEXT)["jobs"] == []


def test_windows_shorter_than_an_hour_are_settled_separately(aws, put, monkeypatch):
    monkeypatch.setenv("WINDOW_MINUTES", "15")
    put(-0.5)
    put(-0.49, first=10)
    put(-0.2, first=20)
    put(-0.6, waited=2.2)
    planned = settle_planned(RUN)
    answers = [settle(job, CONTEXT)["posts"] for job in planned["jobs"]]
    assert answers == [3, 3, 3]
    assert handler(RUN, CONTEXT)["jobs"] == []


def test_an_on_demand_window_is_settled_with_its_objects_so_far(aws, put):
    now = datetime.now(UTC)
    hours = (now - NOON) / HOUR
    put(hours)
    event = {
        "start": (now - timedelta(minutes=5)).isoformat(),
        "end": (now + timedelta(minutes=5)).isoformat(),
    }
    planned = settle_planned(event)
    assert [{**event, "shards": planned["windows"][0]["shards"]}] == planned["windows"]
    assert planned["quality"] == {"time": event["end"]}
    put(hours, first=10)
    (job,) = handler(event, CONTEXT)["jobs"]
    assert settle(job, CONTEXT)["posts"] == 6


def test_an_empty_window_is_settled_once_as_empty(aws):
    (job,) = settle_planned(RUN)["jobs"]
    assert job["shard"] == "none"
    (key,) = aws.keys("archive", "settled-summaries/")
    summary = json.loads(aws.body("archive", key))
    assert (summary["posts"], summary["objects"]) == (0, 0)
    assert handler(RUN, CONTEXT)["jobs"] == []


def test_an_emptied_object_does_not_count_as_new(aws, put):
    put(-0.5)
    settle_planned(RUN)
    (key,) = aws.keys("archive", archive.PREFIX)
    aws.put("archive", key, gzip.compress(b""))
    assert handler(RUN, CONTEXT)["jobs"] == []


@pytest.mark.parametrize(
    "event", [{"time": "soon"}, {"start": NOON.isoformat(), "end": "x"}, {"time": "2026-11-23T12"}]
)
def test_an_event_with_an_invalid_time_is_rejected(aws, event):
    with pytest.raises(InvalidWindow):
        handler(event, CONTEXT)
