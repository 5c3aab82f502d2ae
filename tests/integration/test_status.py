"""The command `status` against the services that it reads, on moto."""

import io
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from rich.console import Console

from cli.deployment.client import DeploymentClient
from cli.deployment.target import Target
from cli.status import series as series_module
from cli.status.table import status_table
from cli.timestamps import utc_now
from stresswatch.aws import stack_outputs
from stresswatch.aws.identifiers import METRIC_DIMENSION
from stresswatch.monitoring.dashboard import PANELS
from stresswatch.rates.rate_table import write_rates
from stresswatch.text.wording import with_unit
from stresswatch.versions.champion import Pointer, write_pointer
from stresswatch.versions.shadow import ShadowPointer, write_shadow
from tests.unit.rates.worlds import DAY, WEEK

HOUR = timedelta(hours=1)
POINTER = Pointer("v20261123T150000-abcdef12", "s3://models/models/v2/", "0" * 64)
SCORED = {"service": "predictor", "Role": "champion", "ModelVersion": POINTER.version}
ALARM = {
    "AlarmName": "stresswatch-dev-Drift",
    "AlarmDescription": "Columns moved. Runbook: docs/runbooks/drift.md",
    "Namespace": "Stresswatch",
    "MetricName": "DriftShare",
    "Statistic": "Maximum",
    "Period": 60,
    "EvaluationPeriods": 1,
    "Threshold": 0.5,
    "ComparisonOperator": "GreaterThanOrEqualToThreshold",
}


@pytest.fixture
def target():
    with mock_aws():
        for stream in ("posts", "predictions"):
            boto3.client("kinesis").create_stream(StreamName=stream, ShardCount=1)
        for bucket in ("quarantine", "archive"):
            boto3.client("s3").create_bucket(Bucket=bucket)
        machine = boto3.client("stepfunctions").create_state_machine(
            name="retraining",
            roleArn="arn:aws:iam::123456789012:role/retraining",
            definition=json.dumps({"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}),
        )
        outputs = {
            stack_outputs.POSTS_STREAM: "posts",
            stack_outputs.PREDICTIONS_STREAM: "predictions",
            stack_outputs.CHAMPION_PARAMETER: "/champion",
            stack_outputs.SHADOW_PARAMETER: "/shadow",
            stack_outputs.QUARANTINE_BUCKET: "quarantine",
            stack_outputs.ARCHIVE_BUCKET: "archive",
            stack_outputs.PREDICTOR_FUNCTION: "predictor",
            stack_outputs.DRIFT_FUNCTION: "drift",
            stack_outputs.QUALITY_FUNCTION: "quality",
            stack_outputs.RATE_FUNCTION: "rate",
            stack_outputs.FAILED_BATCHES_QUEUE: "failed-batches",
            stack_outputs.DEAD_LETTERS_QUEUE: "dead-letters",
            stack_outputs.PLAN_FUNCTION: "plan",
            stack_outputs.SCORER: "arrays",
            stack_outputs.SETTLE_FUNCTION: "settle",
            stack_outputs.MONITORING_STATE_MACHINE: machine["stateMachineArn"],
            stack_outputs.RETRAINING_STATE_MACHINE: machine["stateMachineArn"],
        }
        yield Target("stresswatch-dev", outputs, boto3.client)


def show(target, width=120, now=utc_now) -> str:
    shown = io.StringIO()
    Console(file=shown, width=width).print(status_table(DeploymentClient(target), "dev", now))
    return shown.getvalue()


def line(shown: str, name: str) -> str:
    return next(line for line in shown.splitlines() if name in line)


def put(name, value, at=None, **dimensions):
    given = {"Stage": "dev", **dimensions}
    boto3.client("cloudwatch").put_metric_data(
        Namespace="Stresswatch",
        MetricData=[
            {
                "MetricName": name,
                "Dimensions": [{"Name": key, "Value": value} for key, value in given.items()],
                "Value": value,
                "Timestamp": at or datetime.now(UTC),
            }
        ],
    )


def test_a_new_stack_shows_empty_metrics_and_the_first_step(target):
    shown = show(target)
    assert "stresswatch seed" in line(shown, "champion")
    assert "active, 1 shard: predictions " in line(shown, "predictions stream")
    for panel in PANELS:
        assert "not measured yet" in line(shown, with_unit(panel.title, panel.unit))
    assert "none is deployed" in line(shown, "alarms")
    assert "never ran" in line(shown, "retraining")
    assert "0" in line(shown, "quarantined today")
    assert "unknown" not in shown


def test_the_quarantine_is_counted_for_the_current_day(target):
    for key in (
        "quarantine/date=2020-01-01/shard-0.json",
        "quarantine/date=2020-01-02/shard-1.json",
    ):
        boto3.client("s3").put_object(Bucket="quarantine", Key=key, Body=b"{}")
    for day, count in (("2020-01-01", 1), ("2020-01-03", 0)):
        shown = show(target, now=partial(datetime.fromisoformat, f"{day}T23:59+00:00"))
        assert re.findall(r"\d+", line(shown, "quarantined today")) == [str(count)]


def test_a_champion_on_probation_is_shown_with_its_shadow(target):
    shadow = ShadowPointer(POINTER, datetime.now(UTC) + HOUR, on_probation="v-next")
    write_shadow(boto3.client("ssm"), "/shadow", shadow)
    until = f"{shadow.until:%Y-%m-%d %H:%M} UTC"
    told = f"{POINTER.version} shadows v-next, on probation until {until}"
    assert told in line(show(target, width=200), "challenger ")


def test_the_champion_its_metrics_and_running_jobs_are_shown(target):
    write_pointer(boto3.client("ssm"), "/champion", POINTER, "a test")
    shadow = ShadowPointer(replace(POINTER, version="v-next"), datetime.now(UTC) + HOUR)
    write_shadow(boto3.client("ssm"), "/shadow", shadow)
    put("DriftShare", 2 / 3)
    put("WindowPosts", 574)
    put("FeatureDrift", 1.0, Feature="sentiment")
    put("FeatureDrift", 0.0, Feature="probability")
    put("F1", 0.75)
    for suppressed in (1, 0, 1):
        put("RetrainingsSuppressed", suppressed, service="admission")
    put("RetrainingsDeclined", 1, service="dataset")
    put("ShadowFailures", 3, service="predictor")
    for posts in (40, 60):
        put("PostsPredicted", posts, service="predictor")
        put("PostsScored", posts, **SCORED)
    cloudwatch = boto3.client("cloudwatch")
    cloudwatch.put_metric_alarm(**ALARM)
    cloudwatch.set_alarm_state(AlarmName=ALARM["AlarmName"], StateValue="ALARM", StateReason="r")
    for key in (
        f"quarantine/{datetime.now(UTC):date=%Y-%m-%d}/shard-1.json",
        "quarantine/date=2020-01-01/shard-0.json",
    ):
        boto3.client("s3").put_object(Bucket="quarantine", Key=key, Body=b"{}")
    DeploymentClient(target).start_retraining("operator", "a test")
    shown = show(target, width=200)
    assert f"{POINTER.version}, since {datetime.now(UTC):%Y-%m-%d}" in line(shown, "champion ")
    assert "a test" in line(shown, "champion ")
    told = f"v-next, until {shadow.until:%Y-%m-%d %H:%M} UTC"
    assert told in line(shown, "challenger ")
    assert "suppressed 2, declined 1" in line(shown, "Retrainings ")
    assert "challenger failures 3" in line(shown, "Errors")
    assert "drifted features 0.667" in line(shown, "Drift, share")
    assert "sentiment " in line(shown, "Drift by feature")
    assert "probability" not in line(shown, "Drift by feature")
    assert "in the drift window 574" in line(shown, "Sample sizes")
    assert "F1 0.75 " in line(shown, "Live quality")
    assert "predicted 100" in line(shown, "Posts in, predictions out")
    assert f"champion {POINTER.version} 100" in line(shown, "Posts scored, by version")
    assert "ALARM stresswatch-dev-Drift" in line(shown, "alarms")
    assert "Columns moved. docs/runbooks/drift.md" in line(shown, "alarms")
    assert "UTC: running" in line(shown, "retraining")
    assert "1 " in line(shown, "quarantined today")


def test_an_earlier_champions_quality_is_not_shown_as_the_new_ones(target):
    put("F1", 0.75, at=datetime.now(UTC) - HOUR / 2)
    assert "F1 0.75 " in line(show(target), "Live quality")
    write_pointer(boto3.client("ssm"), "/champion", POINTER, "a test")
    assert "not measured yet" in line(show(target), "Live quality")


@pytest.mark.parametrize(
    ("rates", "said"),
    [
        (
            [DAY, WEEK],
            "2026-11-23: corrected 0.4, lower bound 0.32, upper bound 0.48, called by the model",
        ),
        (
            [replace(WEEK, corrected_rate=None, low=None, high=None)],
            "week from 2026-11-23: called by the model 0.46 ",
        ),
    ],
)
def test_before_seven_full_days_the_newest_rate_shows_its_period(target, rates, said):
    write_rates(boto3.client("s3"), "archive", rates)
    now = partial(datetime.fromisoformat, "2026-11-24T12:00+00:00")
    shown = show(target, width=200, now=now)
    assert said in line(shown, "Stress rate, share")
    by_community = line(shown, "Stress rate by community")
    assert "not measured yet; `stresswatch trend --by day --source NAME` shows" in by_community


def test_a_retraining_reason_too_long_for_a_state_is_truncated(target):
    execution = DeploymentClient(target).start_retraining("operator", "I saw\n" + "a" * 300_000)
    described = boto3.client("stepfunctions").describe_execution(executionArn=execution)
    assert json.loads(described["input"])["reason"].startswith("I saw aaa")


def test_an_old_stack_shows_since_when_nothing_was_measured(target):
    old = replace(target, created=datetime.now(UTC) - timedelta(days=3))
    assert "not measured since 20" in line(show(old), "Drift, share")
    new = replace(target, created=datetime.now(UTC) - HOUR)
    assert "not measured yet" in line(show(new), "Drift, share")


def test_a_restarted_local_stack_shows_since_when_it_counts(target):
    started = datetime.now(UTC) - HOUR
    shown = show(replace(target, started=started), width=200)
    since = f"since the stack started at {started:%Y-%m-%d %H:%M} UTC"
    assert f"none {since}" in line(shown, "retraining")
    assert f"none {since}" in line(shown, "monitoring ")
    assert f"not measured {since}" in line(shown, "Drift, share")


class WithHistory:
    """CloudWatch with the history of alarms, which moto lacks."""

    def __init__(self, *changes):
        self._client = boto3.client("cloudwatch")
        self._changes = changes

    def __getattr__(self, name):
        return getattr(self._client, name)

    def describe_alarm_history(self, **request):
        assert request["AlarmName"] == SILENCE["AlarmName"]
        assert request["HistoryItemType"] == "StateUpdate"
        items = [
            {"HistoryData": json.dumps({"oldState": old, "newState": new})}
            for old, new in self._changes
        ]
        return {"AlarmHistoryItems": items[: request["MaxRecords"]]}


TOPIC = "arn:aws:sns:us-east-1:123456789012:notifications"
SILENCE = ALARM | {
    "AlarmName": "stresswatch-dev-Heartbeat",
    "InsufficientDataActions": [TOPIC],
    "TreatMissingData": "missing",
}
WELL, UNKNOWN = {"stateValue": "OK"}, {"stateValue": "INSUFFICIENT_DATA"}


def with_history(target, *changes):
    boto3.client("cloudwatch").put_metric_alarm(**SILENCE)
    boto3.client("cloudwatch").set_alarm_state(
        AlarmName=SILENCE["AlarmName"], StateValue="INSUFFICIENT_DATA", StateReason="r"
    )
    known = {"cloudwatch": WithHistory(*changes)}
    return replace(target, client=lambda name: known.get(name) or boto3.client(name))


@pytest.mark.parametrize("changes", [[], [(UNKNOWN, UNKNOWN)]])
def test_a_silence_alarm_without_data_is_shown_as_not_measured(target, changes):
    told = line(show(with_history(target, *changes)), "alarms")
    assert "not measured yet 1 of 1" in told
    assert "ALARM" not in told


def test_a_silence_alarm_whose_data_ended_is_shown_as_firing(target):
    told = line(show(with_history(target, (WELL, UNKNOWN)), width=200), "alarms")
    assert "ALARM stresswatch-dev-Heartbeat since" in told
    assert "docs/runbooks/drift.md" in told


def test_the_history_is_read_only_for_silence_alarms(target):
    boto3.client("cloudwatch").put_metric_alarm(**ALARM)
    boto3.client("cloudwatch").set_alarm_state(
        AlarmName=ALARM["AlarmName"], StateValue="INSUFFICIENT_DATA", StateReason="r"
    )
    known = {"cloudwatch": WithHistory((WELL, UNKNOWN))}
    shown = show(replace(target, client=lambda name: known.get(name) or boto3.client(name)))
    assert "not measured yet 1 of 1" in line(shown, "alarms")


def test_alarms_in_state_ok_are_only_counted(target):
    cloudwatch = boto3.client("cloudwatch")
    for name in ("a", "b"):
        cloudwatch.put_metric_alarm(**ALARM | {"AlarmName": f"stresswatch-dev-{name}"})
        cloudwatch.set_alarm_state(
            AlarmName=f"stresswatch-dev-{name}", StateValue="OK", StateReason="r"
        )
    assert "OK 2 of 2 " in line(show(target), "alarms")


def test_metrics_of_other_stages_are_ignored(target):
    put("DriftShare", 1.0, Stage="prod")
    put("PostsScored", 1.0, **SCORED | {"Stage": "prod"})
    shown = show(target)
    assert "not measured yet" in line(shown, "Drift, share")
    assert "not measured yet" in line(shown, "Posts scored, by version")


def test_cloudwatch_requests_keep_to_the_query_limit(target, monkeypatch):
    def client(service):
        made = boto3.client(service)
        if service == "cloudwatch":
            made.meta.events.register("provide-client-params.*.GetMetricData", note)
        return made

    def note(params, **_):
        asked.append([query["MetricStat"]["Metric"] for query in params["MetricDataQueries"]])

    monkeypatch.setattr(series_module, "QUERIES_A_REQUEST", 20)
    put("DriftShare", 1.0)
    asked = []
    shown = show(Target(target.name, target.outputs, client))
    assert max(map(len, asked)) == 20
    assert sum(map(len, asked)) == sum(
        not series.is_open for panel in PANELS for series in panel.series
    )
    assert "drifted features 1 " in line(shown, "Drift, share")


def test_communities_are_shown_with_their_original_names(target):
    names = ("Épicerie", "日本", "anxiety & stress", "[red]", " ")
    for place, name in enumerate(names):
        put("F1", place / 10, Community=METRIC_DIMENSION.encode(name))
    put("F1", 0.75)
    told = " ".join(line(show(target, width=300), "F1 by community").split())
    for place, name in enumerate(names):
        shown = "%20" if name == " " else name
        assert f"{shown} {place / 10:.1g}" in told
    assert "0.75" not in told


def test_a_stack_of_an_older_release_must_be_redeployed(target):
    outputs = {name: value for name, value in target.outputs.items() if "Queue" not in name}
    shown = show(Target(target.name, outputs, target.client), width=200)
    assert "FailedBatchesQueueName; deploy this version" in line(shown, "Live quality")


def test_a_denied_call_affects_only_its_own_line_with_the_reason(target):
    def client(service):
        made = boto3.client(service)
        if service == "s3":
            made.meta.events.register("provide-client-params.s3.ListObjectsV2", deny)
        return made

    def deny(params, **_):
        if params["Bucket"] != "quarantine":
            return
        raise ClientError(
            {"Error": {"Code": "AccessDenied", "Message": "no [s3:ListBucket]"}}, "ListObjectsV2"
        )

    shown = show(Target(target.name, target.outputs, client), width=200)
    assert "unknown: An error occurred (AccessDenied)" in line(shown, "quarantined today")
    assert "no [s3:ListBucket]" in shown
    assert shown.count("unknown: ") == 1


def test_an_unreadable_pointer_affects_only_its_own_line(target):
    boto3.client("ssm").put_parameter(Name="/champion", Value="{}", Type="String")
    shown = show(target)
    assert "unknown: the champion pointer" in line(shown, "champion ")
    assert shown.count("unknown: ") == 1


def test_the_mapping_is_shown_as_driven_by_the_local_stack(target):
    shown = show(Target(target.name, target.outputs, target.client, is_local=True))
    assert "run by the local stack: predictor" in line(shown, "posts to predictor")


def test_at_60_columns_values_stay_whole_and_names_are_truncated(target):
    for suppressed in (1, 0, 1):
        put("RetrainingsSuppressed", suppressed, service="admission")
    put("RetrainingsDeclined", 1, service="dataset")
    long = "stresswatch-dev-streamspredictions951c026f-ea588a7a5c4f3"
    boto3.client("kinesis").create_stream(StreamName=long, ShardCount=1)
    outputs = {**target.outputs, stack_outputs.PREDICTIONS_STREAM: long}
    shown = show(Target(target.name, outputs, target.client), width=60)
    assert re.search(r"suppressed 2,( declined 1)? *│", line(shown, "suppressed"))
    assert "active, 1 shard: " in line(shown, "predictions stream")
    assert "stresswatch-dev-streams" in shown
    assert "… │" in shown


@pytest.mark.parametrize("width", [20, 40])
def test_output_fits_a_narrow_terminal(target, width):
    assert all(len(line) <= width for line in show(target, width).splitlines())
