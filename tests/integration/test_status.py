"""The command `status` against the services that it reads, on moto."""

import io
import json
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from rich.console import Console

from cli.loop import Loop
from cli.status import status_table
from cli.targets import Target
from stresswatch.champion import Pointer, write_pointer
from stresswatch.shadow import ShadowPointer, write_shadow

POINTER = Pointer("v20261123T150000-abcdef12", "s3://models/models/v2/", "0" * 64)
ALARM = {
    "AlarmName": "stresswatch-dev-Drift",
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
        for name in ("/champion", "/shadow"):
            boto3.client("ssm").put_parameter(Name=name, Value="none", Type="String")
        boto3.client("s3").create_bucket(Bucket="quarantine")
        machine = boto3.client("stepfunctions").create_state_machine(
            name="retraining",
            roleArn="arn:aws:iam::123456789012:role/retraining",
            definition=json.dumps({"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}),
        )
        outputs = {
            "PostsStreamName": "posts",
            "PredictionsStreamName": "predictions",
            "ChampionParameterName": "/champion",
            "ShadowParameterName": "/shadow",
            "QuarantineBucketName": "quarantine",
            "PredictorFunctionName": "predictor",
            "RetrainingStateMachineArn": machine["stateMachineArn"],
        }
        yield Target("stresswatch-dev", outputs, boto3.client)


def show(target, width=100) -> str:
    shown = io.StringIO()
    Console(file=shown, width=width).print(status_table(Loop(target), "dev"))
    return shown.getvalue()


def line(shown: str, name: str) -> str:
    return next(line for line in shown.splitlines() if name in line)


def test_a_new_stack_has_nothing_to_tell_and_says_what_to_do_first(target):
    shown = show(target)
    assert "stresswatch seed" in line(shown, "champion")
    assert "predictions, active, 1 shard " in line(shown, "predictions stream")
    assert "no figure in the last 48 hours" in line(shown, "drift share")
    assert "none" in line(shown, "alarms")
    assert "never ran" in line(shown, "retraining")
    assert "0" in line(shown, "quarantined today")
    assert "unknown" not in shown


def test_what_serves_was_measured_and_runs_is_told(target):
    write_pointer(boto3.client("ssm"), "/champion", POINTER, "a test")
    cloudwatch = boto3.client("cloudwatch")
    for name, value in (("DriftShare", 2 / 3), ("WindowPosts", 574)):
        cloudwatch.put_metric_data(
            Namespace="Stresswatch",
            MetricData=[
                {
                    "MetricName": name,
                    "Dimensions": [{"Name": "Stage", "Value": "dev"}],
                    "Value": value,
                }
            ],
        )
    cloudwatch.put_metric_alarm(**ALARM)
    cloudwatch.set_alarm_state(AlarmName=ALARM["AlarmName"], StateValue="ALARM", StateReason="r")
    for key in (
        f"quarantine/{datetime.now(UTC):date=%Y-%m-%d}/shard-1.json",
        "quarantine/date=2020-01-01/shard-0.json",
    ):
        boto3.client("s3").put_object(Bucket="quarantine", Key=key, Body=b"{}")
    Loop(target).start_retraining("operator", "a test")
    shown = show(target)
    assert f"{POINTER.version}, since {datetime.now(UTC):%Y-%m-%d}" in line(shown, "champion")
    assert "0.667, within 5 minutes of" in line(shown, "drift share")
    assert "574, within 5 minutes of" in line(shown, "posts in the last window")
    assert "ALARM stresswatch-dev-Drift" in line(shown, "alarms")
    assert "UTC: running" in line(shown, "retraining")
    assert "1 " in line(shown, "quarantined today")


def count(metric, service, value):
    dimensions = {"Stage": "dev", "service": service}
    boto3.client("cloudwatch").put_metric_data(
        Namespace="Stresswatch",
        MetricData=[
            {
                "MetricName": metric,
                "Dimensions": [{"Name": name, "Value": of} for name, of in dimensions.items()],
                "Value": value,
            }
        ],
    )


def test_what_was_suppressed_and_declined_is_told(target):
    for value in (1, 0, 1):
        count("RetrainingsSuppressed", "admission", value)
    count("RetrainingsDeclined", "dataset", 1)
    told = "2 suppressed, 1 declined in the last 48 hours"
    assert told in line(show(target), "retrainings not begun")


def test_who_shadows_until_when_and_how_often_it_failed_is_told(target):
    assert "none; failed on 0 batches" in line(show(target), "shadow")
    until = datetime.now(UTC) + timedelta(hours=2)
    write_shadow(boto3.client("ssm"), "/shadow", ShadowPointer(POINTER, until))
    count("ShadowFailures", "predictor", 3)
    told = f"{POINTER.version}, until {until:%Y-%m-%d %H:%M} UTC; failed on 3 batches"
    assert told in line(show(target, width=160), "shadow")


def test_metrics_of_another_stage_are_not_this_stack_s(target):
    boto3.client("cloudwatch").put_metric_data(
        Namespace="Stresswatch",
        MetricData=[
            {
                "MetricName": "DriftShare",
                "Dimensions": [{"Name": "Stage", "Value": "prod"}],
                "Value": 1.0,
            }
        ],
    )
    assert "no figure" in line(show(target), "drift share")


def test_one_request_asks_cloudwatch_for_no_more_figures_than_it_gives(target):
    def client(service):
        made = boto3.client(service)
        if service == "cloudwatch":
            made.meta.events.register("provide-client-params.*.GetMetricStatistics", note)
        return made

    def note(params, **_):
        seconds = (params["EndTime"] - params["StartTime"]).total_seconds()
        asked.append(seconds / params["Period"])

    asked = []
    show(Target(target.name, target.outputs, client))
    assert asked
    assert max(asked) < 1440


def test_a_call_that_is_denied_costs_its_own_line_alone_and_says_why(target):
    def client(service):
        made = boto3.client(service)
        if service == "s3":
            made.meta.events.register("before-call.s3", deny)
        return made

    def deny(**_):
        raise ClientError(
            {"Error": {"Code": "AccessDenied", "Message": "no [s3:ListBucket]"}}, "ListObjectsV2"
        )

    shown = show(Target(target.name, target.outputs, client), width=200)
    assert "unknown: An error occurred (AccessDenied)" in line(shown, "quarantined today")
    assert "no [s3:ListBucket]" in shown
    assert shown.count("unknown: ") == 1


def test_a_pointer_that_cannot_be_read_costs_its_own_line_alone(target):
    boto3.client("ssm").put_parameter(Name="/champion", Value="{}", Type="String", Overwrite=True)
    shown = show(target)
    assert "unknown: the champion pointer" in line(shown, "champion")
    assert shown.count("unknown: ") == 1


def test_on_the_local_stack_the_mapping_is_told_to_be_driven_by_it(target):
    shown = show(Target(target.name, target.outputs, target.client, is_local=True))
    assert "predictor, driven by the local stack" in line(shown, "posts to predictor")


@pytest.mark.parametrize("width", [20, 40])
def test_a_narrow_terminal_is_no_obstacle(target, width):
    assert all(len(line) <= width for line in show(target, width).splitlines())
