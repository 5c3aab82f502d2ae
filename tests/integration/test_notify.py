"""Notifications in words: the topic's messages on moto."""

import boto3
import pytest
from moto.core import DEFAULT_ACCOUNT_ID
from moto.sns.models import sns_backends

from lambdas.notify.handler import handler as notify
from stresswatch.retraining.check_words import HOLDOUTS
from tests.integration.conftest import CONTEXT

CHECK = {
    "name": "F1, base holdout",
    "champion": 0.8,
    "challenger": 0.9,
    "threshold": 0.75,
    "passed": True,
    "requirement": "a loss of at most 0.050, with 95 % confidence",
    "evidence": "difference +0.100, at worst +0.050, 244 posts",
    "applies": True,
}
STATE = {
    "trigger": "drift_alarm",
    "reason": "0.6 is over the threshold",
    "admission": {"admitted": True, "reason": ""},
    "dataset": {"declined": None},
    "gate": {"version": "v2", "parent": "v1", "accepted": True, "checks": [CHECK]},
}


@pytest.fixture
def published(aws, monkeypatch):
    topic = boto3.client("sns").create_topic(Name="topic")["TopicArn"]
    monkeypatch.setenv("TOPIC_ARN", topic)
    sent = sns_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].topics[topic].sent_notifications

    def publish(state, *, asks=False, subject="a subject"):
        notify({"subject": subject, "asks": asks, "execution": "e1", "state": state}, CONTEXT)
        ((_, message, subject, *_),) = sent
        return subject, message

    return publish


def test_the_message_has_the_result_checks_requester_and_execution(published):
    subject, message = published(STATE | {"promotion": {"version": "v2", "before": "v1"}})
    assert subject == "a subject"
    assert message.split("\n") == [
        "The gate accepted v2; it is the champion now.",
        "The gate, against v1:",
        HOLDOUTS,
        "- passed: F1, base holdout: champion 0.800, challenger 0.900, difference +0.100, at worst "
        "+0.050, 244 posts; required: a loss of at most 0.050, with 95 % confidence",
        "",
        "Started by drift_alarm: 0.6 is over the threshold",
        "Execution e1",
    ]


def test_an_approval_request_has_the_commands_and_the_deadline(published):
    _, message = published(STATE, asks=True)
    assert "The request expires in 72 hours; without an answer the champion stays." in message
    assert '  stresswatch approve v2 --why "..." --stage dev' in message
    assert '  stresswatch reject v2 --why "..." --stage dev' in message


def test_early_failures_are_reported_as_well(published):
    _, message = published({"error": {"Error": "States.Timeout"}})
    assert message.startswith("The retraining failed: States.Timeout; the champion stays.")
    assert "Started by unknown" in message


def test_an_invalid_subject_is_converted_to_ascii_and_shortened(published):
    subject, _ = published(STATE, subject="größe\n" + "a" * 200)
    assert subject.startswith("groe a")


def test_a_message_too_long_for_sns_is_marked_as_truncated(published):
    _, message = published(STATE | {"reason": "x" * 300_000})
    assert message.endswith("(cut: the message was too long)")
