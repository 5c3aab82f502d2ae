"""Post text appears nowhere in the deployed stack's output, except where it must be.

A marker is streamed in valid, invalid and discarded posts, and is in the labelled posts of a
retraining. Then everything is searched: through AWS's APIs, as an operator sees it,
and in the files that the local stack leaves when it is stopped.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cli.deployment.consumer import Consumer
from stresswatch.aws import stack_outputs
from stresswatch.contracts.labelled_posts import LabelledPost, labelled_post_record
from stresswatch.versions.champion import Pointer
from tests.conftest import make_posts
from tests.e2e.deployed import BASE, Deployed, policy_for_topics
from tests.e2e.waiting import eventually
from tests.integration.conftest import request
from tests.marker import MARKER, holds_marker

TEXT_PLACES = {
    stack_outputs.QUARANTINE_BUCKET: ("quarantine/", "aws/lambda/"),
    stack_outputs.TRAINING_BUCKET: ("datasets/", "labels/", "scoring/"),
}
"""Prefixes that may hold text, by the output that names their bucket."""

STREAMS_FILE = "kinesis.json"
"""The emulator's file of its streams: the posts stream is one of them."""

VALID = json.dumps({"post_id": "valid", "text": f"panic {MARKER} today"}).encode()
INVALID = (
    MARKER.encode() + b"\xff",
    b'{"text": "' + MARKER.encode(),
    json.dumps({"text": "words", "sentiment": MARKER}).encode(),
    json.dumps({"text": MARKER * 2000}).encode(),
)


def objects(deployed: Deployed, *, with_text: bool) -> Iterator[tuple[str, bytes]]:
    """Every object of every bucket, where text may be or elsewhere, by its name."""
    s3 = deployed.client("s3")
    allowed = {deployed.stack.outputs[name]: places for name, places in TEXT_PLACES.items()}
    for bucket in s3.list_buckets()["Buckets"]:
        for key in deployed.objects(bucket["Name"]):
            if key.startswith(allowed.get(bucket["Name"], ())) == with_text:
                body = s3.get_object(Bucket=bucket["Name"], Key=key)["Body"].read()
                yield f"{bucket['Name']}/{key}", body


def logs(deployed: Deployed) -> Iterator[tuple[str, bytes]]:
    client = deployed.client("logs")
    for group in client.describe_log_groups()["logGroups"]:
        name = group["logGroupName"]
        for page in client.get_paginator("filter_log_events").paginate(logGroupName=name):
            for entry in page["events"]:
                yield name, entry["message"].encode()


def executions(deployed: Deployed) -> Iterator[tuple[str, bytes]]:
    states = deployed.client("stepfunctions")
    for listed in deployed.deployment.executions():
        arn = {"executionArn": listed["executionArn"]}
        seen = [states.describe_execution(**arn), states.get_execution_history(**arn)["events"]]
        yield listed["name"], repr(seen).encode()


def messages(deployed: Deployed) -> Iterator[tuple[str, bytes]]:
    """Every message in every queue: dead letters, and the topic's messages to its subscriber."""
    queues = deployed.client("sqs")
    for url in queues.list_queues().get("QueueUrls", []):
        while received := queues.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        ).get("Messages"):
            for message in received:
                queues.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                yield url, repr(message).encode()


def written(deployed: Deployed) -> Iterator[tuple[str, bytes]]:
    """What an operator can see of the stack, except places that may hold text."""
    yield from objects(deployed, with_text=False)
    yield from logs(deployed)
    yield from executions(deployed)
    yield from messages(deployed)
    cloudwatch = deployed.client("cloudwatch")
    yield "metrics", repr(cloudwatch.list_metrics()["Metrics"]).encode()
    yield "alarms", repr(cloudwatch.describe_alarms()["MetricAlarms"]).encode()
    yield "champion", repr(deployed.deployment.champion()).encode()
    consumer = Consumer(deployed.deployment.target)
    while consumer.poll():
        pass
    for prediction in consumer.predictions.values():
        yield "predictions", json.dumps(prediction).encode()


def files(deployed: Deployed) -> Iterator[tuple[str, bytes]]:
    """The local stack's files, except those of stores that may hold text."""
    outputs = deployed.stack.outputs
    for file in deployed.folder.rglob("*"):
        path = file.relative_to(deployed.folder).as_posix()
        may_hold_text = file.name == STREAMS_FILE or any(
            f"/{outputs[name]}/{prefix}" in f"/{path}"
            for name, prefixes in TEXT_PLACES.items()
            for prefix in prefixes
        )
        if file.is_file() and not may_hold_text:
            yield path, file.read_bytes()


@pytest.fixture
def notified(deployed: Deployed) -> str:
    """A queue that receives all notifications; `messages` reads it with the others."""
    queues, topic = deployed.client("sqs"), deployed.stack.outputs[stack_outputs.NOTIFICATION_TOPIC]
    url = str(queues.create_queue(QueueName="notified")["QueueUrl"])
    attributes = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    arn = attributes["Attributes"]["QueueArn"]
    policy = policy_for_topics(arn)
    queues.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    deployed.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return url


def settings_of(deployed: Deployed, function: str) -> dict[str, str]:
    described = deployed.client("lambda").get_function_configuration(FunctionName=function)
    return dict(described["Environment"]["Variables"])


def set_settings(deployed: Deployed, function: str, settings: dict[str, str]) -> None:
    deployed.client("lambda").update_function_configuration(
        FunctionName=function, Environment={"Variables": settings}
    )


def stream_marked_posts(deployed: Deployed, folder: Path) -> None:
    """Stream valid and invalid posts, and make a function that cannot read them fail on all."""
    deployed.deployment.send([("key", data) for data in (VALID, *INVALID)])
    bucket = deployed.stack.outputs[stack_outputs.QUARANTINE_BUCKET]

    def marked(prefix: str) -> int:
        s3 = deployed.client("s3")
        return sum(
            holds_marker(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
            for key in deployed.objects(bucket, prefix)
        )

    eventually("quarantine", lambda: marked("quarantine/") == len(INVALID))
    # A batch of posts gives it no version to promote.
    with deployed.polled_by("RetrainingPromoteFunction", folder):
        eventually("batch that is given up", lambda: marked("aws/lambda/") or None)


def ask_of_marked_posts(deployed: Deployed) -> None:
    """Make the web service predict and refuse posts, as the gateway requests it."""
    function = deployed.function("WebServiceApi")
    for record in (VALID, *INVALID):
        body = record.decode("utf-8", "replace")
        answer = deployed.invoke(function, request("POST", "/predict", body))
        assert not holds_marker(answer.encode())


def learn_from_marked_posts(deployed: Deployed) -> None:
    """Retrain on posts, one with the marker, and once more with a failure."""
    (labelled,) = make_posts(1, seed=31)
    post = labelled.post._replace(text=f"{labelled.post.text} {MARKER}")
    deployed.deployment.seed([*BASE, LabelledPost(post, labelled.label)])
    line = labelled_post_record(LabelledPost(post, labelled.label)) | {"label": MARKER}
    deployed.client("s3").put_object(
        Bucket=deployed.stack.outputs[stack_outputs.TRAINING_BUCKET],
        Key="labels/invalid.jsonl",
        Body=json.dumps(line).encode(),
    )
    retrained = deployed.retrain()
    failures = [event for event in retrained["history"] if event["type"].endswith("Failed")]
    assert retrained["status"] == "SUCCEEDED", failures
    function = deployed.function("RetrainingDatasetFunction")
    settings = settings_of(deployed, function)
    set_settings(deployed, function, settings | {"CHAMPION_PARAMETER": "/missing"})
    try:
        assert deployed.retrain()["status"] == "FAILED"
    finally:
        set_settings(deployed, function, settings)


def with_marker(things: Iterator[tuple[str, bytes]]) -> list[str]:
    return sorted({name for name, content in things if holds_marker(content)})


def test_post_text_appears_only_in_the_expected_places(
    deployed: Deployed, champion: Pointer, notified: str, tmp_path: Path
) -> None:
    stream_marked_posts(deployed, tmp_path / "checkpoints")
    ask_of_marked_posts(deployed)
    now = datetime.now(UTC)
    measured = deployed.deployment.measure(now - timedelta(hours=1), now)
    assert measured.drift["status"] == "measured"
    learn_from_marked_posts(deployed)

    places = with_marker(objects(deployed, with_text=True))
    for expected in ("/quarantine/", "/aws/lambda/", "/datasets/base/", "/datasets/v", "/labels/"):
        assert any(expected in place for place in places), expected
    seen = list(written(deployed))
    assert [name for name, content in seen if b'"post_id": "valid"' in content]
    names = {name for name, _ in seen}
    assert {"metrics", "alarms", "champion", "predictions", notified} <= names
    assert any("PredictorLogs" in name for name in names)
    assert with_marker(iter(seen)) == []
    with deployed.stopped():
        left = list(files(deployed))
        assert {"local.log", "state/services/stepfunctions.json"} <= {name for name, _ in left}
        # The posts stream itself, as the emulator keeps it.
        assert with_marker(iter(left)) == ["state/records.jsonl"]
