"""`stresswatch measure`: its request to the workflow, and its view of the answer."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from cli.deployment.client import DeploymentClient, Measurement
from cli.deployment.target import Target
from cli.errors import OperatorError
from cli.measurements import LEFT_OUT, MAXIMUM_DAYS, measurement_table, span_of
from stresswatch.aws import stack_outputs
from stresswatch.monitoring.live_quality import Outcome
from tests.strict_calls import checked

NOW = datetime(2026, 11, 30, 12, 34, tzinfo=UTC)
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:stresswatch-dev-monitoring"
DRIFT = {
    "start": "2026-11-30T11:00:00+00:00",
    "end": "2026-11-30T12:00:00+00:00",
    "status": "measured",
    "posts": 2838,
    "compared": 1000,
    "model_version": "v1",
    "estimated_f1": 0.79,
    "share": 2 / 13,
    "features": {"sentiment": {"drifted": True}, "karma": {"drifted": False}},
    "failed": {},
    "report": "s3://archive/reports/page.html",
}
TOO_SMALL = {
    name: DRIFT[name] for name in ("start", "end", "posts", "compared", "model_version")
} | {"status": "too_small"}
QUALITY = {
    "status": "measured",
    "start": "2026-11-23T12:00:00+00:00",
    **dict.fromkeys(
        (
            *("unseen", "other_text", "ambiguous", "other_version"),
            *("trained_on", "uncertain", "invalid"),
        ),
        0,
    ),
    "labelled_posts": 120,
    "overall": {"f1": 0.8123, "intervals": {"f1": [0.7512, 0.8634]}},
}


DAYS = {
    "method": "prediction_powered",
    "called_rate": 0.462,
    "corrected_rate": 0.4123,
    "low": 0.3712,
    "high": 0.4534,
}
RATE = {"status": "no_posts", "last_seven_days": None, "last_day": None}


def shown(drift, quality, rate=RATE) -> dict[str, str]:
    """The rows of the table, by their names."""
    text = io.StringIO()
    Console(file=text, width=200).print(measurement_table(Measurement(drift, quality, rate)))
    rows = [line.split("│") for line in text.getvalue().splitlines() if "│" in line]
    return {row[1].strip(): row[2].strip() for row in rows}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((None, None), (NOW - timedelta(hours=1), NOW)),
        (("2026-11-30T10:00Z", None), (datetime(2026, 11, 30, 10, tzinfo=UTC), NOW)),
        (
            (None, "2026-11-29T10:00Z"),
            (datetime(2026, 11, 29, 9, tzinfo=UTC), datetime(2026, 11, 29, 10, tzinfo=UTC)),
        ),
    ],
)
def test_the_time_range_defaults_to_the_last_hour(given, expected):
    assert span_of(*given, lambda: NOW) == expected


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (("2026-11-30T10:00Z", "2026-11-30T10:00Z"), "--from must be before --to"),
        (("2026-12-01", None), "--from must be before --to"),
        (("2026-12-01", "2026-12-02"), "--from is in the future"),
        (("yesterday", None), "--from is 'yesterday'; give an ISO 8601 time"),
    ],
)
def test_an_invalid_time_range_is_rejected(given, sentence):
    with pytest.raises(OperatorError, match=sentence):
        span_of(*given, lambda: NOW)


def test_drift_and_live_quality_are_shown_with_their_sample_sizes():
    assert shown(DRIFT, QUALITY) == {
        "posts": "2,838 posts by v1",
        "drift": "15% of the features, by 1,000 posts",
        "drifted features": "sentiment",
        "estimated F1": "0.790, estimated without labels, so only a hint",
        "report": "s3://archive/reports/page.html",
        "live F1": "0.812, 95 % interval 0.751 to 0.863, by 120 labelled posts",
        "stress rate": "not estimated: no posts in the last seven days",
    }


@pytest.mark.parametrize(
    ("found", "figure"),
    [
        (DAYS, "41.2 %, 95 % interval 37.1 % to 45.3 %; called 46.2 %"),
        (
            {"method": "not_corrected", "called_rate": 0.462, "corrected_rate": None},
            "not corrected, too few labels of sampled posts; called 46.2 %",
        ),
        ({"method": "suppressed"}, "suppressed: a few posts or days could be derived from it"),
    ],
)
def test_the_stress_rate_says_whether_it_is_corrected(found, figure):
    rate = {"status": "estimated", "last_seven_days": found, "last_day": None}
    rows = shown(DRIFT, QUALITY, rate)
    assert {name: row for name, row in rows.items() if name.startswith("stress rate")} == {
        "stress rate, seven days": figure
    }


def test_the_first_days_stress_rate_is_shown_before_the_day_ends():
    day = DAYS | {"start": "2026-11-30"}
    rate = {"status": "estimated", "last_seven_days": None, "last_day": day}
    rows = shown(DRIFT, QUALITY, rate)
    assert {name: row for name, row in rows.items() if name.startswith("stress rate")} == {
        "stress rate, 2026-11-30": "41.2 %, 95 % interval 37.1 % to 45.3 %; called 46.2 %"
    }


@pytest.mark.parametrize(
    ("drift", "quality", "row", "reason"),
    [
        (TOO_SMALL, QUALITY, "drift", "not measured: fewer posts than the minimum of a window"),
        (
            DRIFT | {"status": "no_champion", "model_version": None},
            {"status": "no_champion"},
            "posts",
            "not counted: no model version serves yet",
        ),
        (
            DRIFT | {"share": None, "features": {}, "failed": {"karma": "no value"}},
            QUALITY,
            "drift",
            "not measured: none of the features of 1,000 posts could be compared",
        ),
        (DRIFT | {"failed": {"karma": "no value"}}, QUALITY, "not compared", "karma"),
        (
            DRIFT,
            QUALITY | {"status": "too_few_labels", "labelled_posts": 1},
            "live F1",
            "not measured: 1 labelled post, fewer than the minimum",
        ),
    ],
)
def test_a_missing_value_is_shown_with_its_reason(drift, quality, row, reason):
    assert shown(drift, quality)[row] == reason


def test_left_out_labels_are_shown_with_reasons():
    assert "labels left out" not in shown(DRIFT, QUALITY)
    left_out = QUALITY | {"unseen": 1200, "trained_on": 3}
    assert shown(DRIFT, left_out)["labels left out"] == (
        "1,200 without a prediction since 2026-11-23; 3 for training posts of the champion"
    )


def test_labels_for_another_text_are_shown_as_pending_or_edited():
    left_out = QUALITY | {"other_text": 116}
    assert shown(DRIFT, left_out)["labels left out"] == (
        "116 for a text that awaits its prediction, or was edited"
    )


def test_every_label_outcome_has_a_description():
    outcomes = Outcome([], *[0] * 6).counts().keys() - {"labelled_posts"}
    assert outcomes | {"invalid"} == LEFT_OUT.keys()


class Workflow:
    """An execution that ends with the given result."""

    def __init__(self, **described):
        self.described = described
        self.started = {}

    def start_execution(self, **request):
        checked("stepfunctions", "StartExecution", **request)
        self.started = request
        return {"executionArn": MACHINE.replace("stateMachine", "execution") + ":run"}

    def describe_execution(self, executionArn):  # noqa: N803 - boto3's
        checked("stepfunctions", "DescribeExecution", executionArn=executionArn)
        return self.described

    def get_execution_history(self, **request):
        checked("stepfunctions", "GetExecutionHistory", **request)
        return {"events": [{"stateEnteredEventDetails": {"name": "SettleShards"}}]}


def measure(workflow, on_state=lambda _: None):
    outputs = {stack_outputs.MONITORING_STATE_MACHINE: MACHINE}
    client = DeploymentClient(Target("stresswatch-dev", outputs, lambda _: workflow))
    return client.measure(NOW - timedelta(hours=1), NOW, on_state=on_state)


def test_the_workflow_is_started_for_the_time_range_and_followed():
    output = {"drift": [DRIFT], "quality": QUALITY, "rate": RATE}
    workflow = Workflow(status="SUCCEEDED", output=json.dumps(output))
    states = []
    assert measure(workflow, states.append) == (DRIFT, QUALITY, RATE)
    assert workflow.started["stateMachineArn"] == MACHINE
    assert json.loads(workflow.started["input"]) == {
        "start": "2026-11-30T11:34:00+00:00",
        "end": "2026-11-30T12:34:00+00:00",
    }
    assert states == ["SettleShards"]


@pytest.mark.parametrize(
    ("ended", "sentence"),
    [
        (
            {"status": "FAILED", "cause": "1 unfinished: live quality: no key"},
            "The measurement failed: 1 unfinished: live quality: no key.",
        ),
        ({"status": "ABORTED"}, "The measurement was aborted: no cause was given."),
        ({"status": "TIMED_OUT"}, "The measurement timed out: no cause was given."),
    ],
)
def test_a_failed_measurement_is_reported_with_its_cause(ended, sentence):
    with pytest.raises(OperatorError) as refused:
        measure(Workflow(**ended))
    assert str(refused.value) == sentence


def test_a_time_range_above_the_maximum_days_is_rejected():
    with pytest.raises(OperatorError, match=f"are 59 days; measure {MAXIMUM_DAYS} days or fewer"):
        span_of("2023-01-01", "2023-03-01", lambda: NOW)
    start, end = span_of("2026-10-01", "2026-11-01", lambda: NOW)
    assert (end - start).days == MAXIMUM_DAYS
