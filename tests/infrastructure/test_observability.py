"""Metrics and alarms, their subscribers, and the runbooks."""

import itertools
import json
import re
from pathlib import Path

import pytest

from cdk_app.settings import documentation
from cdk_app.settings.errors import InvalidStage
from cdk_app.settings.stage import Stage
from cdk_app.settings.streaming import Streaming

RUNBOOKS = Path(__file__).parents[2] / "docs" / "runbooks"
SECTIONS = ("**Symptom.**", "**What it means.**", "## First checks", "## Fix", "## Verify")


def alarms(template):
    return template.resources("AWS::CloudWatch::Alarm")


def page_of(alarm):
    (path,) = re.findall(
        r"Runbook: docs/runbooks/([\w-]+\.md)$", alarm["Properties"]["AlarmDescription"]
    )
    return path


def test_every_alarm_names_its_runbook_and_every_runbook_has_an_alarm(template):
    pages = {page_of(alarm) for alarm in alarms(template).values()}
    assert pages == {path.name for path in RUNBOOKS.glob("*.md")}


@pytest.mark.parametrize("page", sorted(RUNBOOKS.glob("*.md")), ids=lambda page: page.stem)
def test_runbooks_have_all_sections_in_order(page):
    text = page.read_text()
    places = [text.index(section) for section in SECTIONS]
    assert places == sorted(places)
    assert "```sh" in text[places[2] : places[3]]
    for target in re.findall(r"\]\(([^)#]+)", text):
        assert (page.parent / target).exists(), target


def test_runbooks_name_only_existing_outputs_and_settings(template):
    for page in RUNBOOKS.glob("*.md"):
        text = page.read_text()
        assert set(re.findall(r"\(output (\w+)\)", text)) <= set(template.body["Outputs"])
        settings = {setting.path for setting in documentation.settings()}
        groups = "|".join({path.partition(".")[0] for path in settings})
        assert set(re.findall(rf"`((?:{groups})\.\w+)`", text)) <= settings


def test_every_alarm_sends_a_notification(template):
    for alarm in alarms(template).values():
        assert "NotificationsTopic" in json.dumps(alarm["Properties"]["AlarmActions"])


def test_every_function_is_watched_for_errors(template):
    watched = {
        alarm["Properties"]["Dimensions"][0]["Value"]["Ref"]
        for alarm in alarms(template).values()
        if alarm["Properties"]["MetricName"] == "Errors"
        and len(alarm["Properties"]["Dimensions"]) == 1  # of all versions
    }
    assert watched == set(template.resources("AWS::Lambda::Function"))


def test_every_queue_is_watched_for_messages(template):
    watched = {
        alarm["Properties"]["Dimensions"][0]["Value"]["Fn::GetAtt"][0]
        for alarm in alarms(template).values()
        if alarm["Properties"]["Namespace"] == "AWS/SQS"
    }
    assert watched == set(template.resources("AWS::SQS::Queue"))


def test_every_workflow_has_an_alarm_for_each_kind_of_failure(any_stage):
    """A time-out and an abort reach no state that reports them, and count separately."""
    watched = {
        (alarm["Properties"]["Dimensions"][0]["Value"]["Ref"], alarm["Properties"]["MetricName"])
        for alarm in alarms(any_stage).values()
        if alarm["Properties"]["Namespace"] == "AWS/States"
    }
    workflows = any_stage.resources("AWS::StepFunctions::StateMachine")
    ends = ("ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted")
    assert watched == set(itertools.product(workflows, ends))


def test_only_drift_monitor_and_stream_have_silence_alarms(template):
    properties = {name[:-8]: alarm["Properties"] for name, alarm in alarms(template).items()}
    treatments = {alarm["TreatMissingData"] for alarm in properties.values()}
    assert treatments == {"missing", "notBreaching"}
    telling = {
        name: alarm["MetricName"]
        for name, alarm in properties.items()
        if "NotificationsTopic" in json.dumps(alarm.get("InsufficientDataActions", []))
    }
    missing = {name for name, alarm in properties.items() if alarm["TreatMissingData"] == "missing"}
    assert telling.keys() == missing
    assert telling == {
        "DriftHeartbeatAlarm": "WindowPosts",
        "ObservabilitySilentStreamAlarm": "PostsRead",
    }


def test_the_iterator_age_alarm_has_the_stages_threshold_in_milliseconds(template, production):
    for synthesized, seconds in ((template, 60), (production, 300)):
        alarm = synthesized.one("AWS::CloudWatch::Alarm", "ObservabilityIteratorAge")
        assert (alarm["Threshold"], alarm["Statistic"]) == (seconds * 1000, "Maximum")


def test_discarded_batches_are_recorded_in_a_queue(template):
    quarantine = template.one("AWS::S3::Bucket", "StorageQuarantine")
    assert quarantine["NotificationConfiguration"] == {
        "EventBridgeConfiguration": {"EventBridgeEnabled": True}
    }
    rule = template.one("AWS::Events::Rule", "ObservabilityFailedBatches")
    assert rule["EventPattern"]["detail"]["object"] == {"key": [{"prefix": "aws/lambda/"}]}
    (bucket,) = rule["EventPattern"]["detail"]["bucket"]["name"]
    assert bucket["Ref"].startswith("StorageQuarantine")
    (target,) = rule["Targets"]
    queue = target["Arn"]["Fn::GetAtt"][0]
    (policy,) = [
        found
        for found in template.properties("AWS::SQS::QueuePolicy")
        if queue in json.dumps(found["Queues"])
    ]
    (allowed,) = [
        statement
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
    ]
    assert allowed["Action"] == "sqs:SendMessage"
    (source,) = allowed["Condition"]["ArnEquals"].values()
    assert source["Fn::GetAtt"][0].startswith("ObservabilityFailedBatchesRule")


def test_an_iterator_age_alarm_after_the_first_loss_is_rejected():
    with pytest.raises(InvalidStage, match="the alarm would fire after the first loss"):
        Stage(
            name="test",
            retains_data=False,
            requires_byte_code=False,
            streaming=Streaming(maximum_record_age_seconds=300),
        )
