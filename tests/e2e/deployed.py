"""The stack itself, deployed on this machine, with the data that tests need."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Iterator
from collections.abc import Mapping as MappingOf
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import local
from cli.deployment.client import DeploymentClient, payload
from cli.deployment.target import of_local_stack
from local.endpoint import Endpoint
from local.event_source_mapping.batching import MappingSettings
from local.event_source_mapping.mapping import EventSourceMapping
from local.event_source_mapping.poller import Poller
from local.template.deploy import stack_resources
from local.threads import Threads
from stresswatch.aws import stack_outputs
from stresswatch.storage import archive
from stresswatch.versions.champion import Pointer, write_pointer
from tests.conftest import make_posts
from tests.e2e.waiting import eventually

BASE = make_posts(300)
LABELLED = make_posts(40, seed=2)
STREAMED = make_posts(210, seed=3)
"""More than the stage's smallest window, so that drift is measured."""
RETRAINING_SECONDS = 300.0


@dataclass(frozen=True)
class Deployed:
    """The deployed stack, its cloud assembly, and the folder with all its state.

    `alarms_when_new` are the states of its alarms before any record was sent.
    """

    stack: local.LocalStack
    app: Path
    folder: Path
    alarms_when_new: MappingOf[str, str] = field(default_factory=dict)

    @cached_property
    def endpoint(self) -> Endpoint:
        return Endpoint(self.stack.endpoint)

    @cached_property
    def deployment(self) -> DeploymentClient:
        return DeploymentClient(of_local_stack(self.stack))

    @cached_property
    def _clients(self) -> dict[str, Any]:
        return {}

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self.stack.client(service)
        return self._clients[service]

    @cached_property
    def _resources(self) -> dict[str, tuple[str, str]]:
        return stack_resources(self.stack.stack_name, self.endpoint)

    def named(self, prefix: str, kind: str) -> str:
        """Return the physical id of the one resource of a type, by its logical id's prefix."""
        (found,) = [
            physical
            for logical, (resource_type, physical) in self._resources.items()
            if logical.startswith(prefix) and resource_type == kind
        ]
        return found

    def logical_ids(self, kind: str) -> list[str]:
        """Return the logical ids of the resources of a type."""
        return [
            name for name, (resource_type, _) in self._resources.items() if resource_type == kind
        ]

    def function(self, prefix: str) -> str:
        return self.named(prefix, "AWS::Lambda::Function")

    def invoke(self, function: str, event: dict[str, Any]) -> str:
        """Invoke a function; return its answer and its log as one text."""
        answer = self.client("lambda").invoke(
            FunctionName=function, Payload=json.dumps(event).encode(), LogType="Tail"
        )
        log = base64.b64decode(answer.get("LogResult", "")).decode()
        return str(answer["Payload"].read().decode() + log)

    @contextmanager
    def polled_by(self, function: str, checkpoints: Path) -> Iterator[None]:
        """Let a second mapping read all posts, and discard a batch that fails once."""
        described = self.client("lambda").get_function_configuration(
            FunctionName=self.function(function)
        )
        mapping = EventSourceMapping.describe(
            self.named("Prediction", "AWS::Lambda::EventSourceMapping"), self.endpoint
        )
        impatient = replace(
            mapping,
            function_arn=described["FunctionArn"],
            settings=MappingSettings(maximum_retries=0, starting_position="TRIM_HORIZON"),
        )
        threads = Threads()
        try:
            Poller(impatient, self.endpoint, checkpoints, threads).start()
            yield
        finally:
            threads.stop(5)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Stop the local stack for a while; it then continues at the same address."""
        local.down(self.folder)
        try:
            yield
        finally:
            local.up(
                self.folder,
                template_directory=self.app,
                on_progress=lambda _: None,
                port=urlsplit(self.stack.endpoint).port,
            )

    def retrain(self) -> dict[str, Any]:
        """Run the workflow to its end; return the answer of `DescribeExecution` and its history."""
        states = self.client("stepfunctions")
        started = self.deployment.start_retraining("test", "a test asked for it", force=True)
        execution = {"executionArn": started}

        def end() -> dict[str, Any] | None:
            described = self.deployment.describe(execution["executionArn"])
            return described if described["status"] != "RUNNING" else None

        described = eventually("end of the retraining", end, RETRAINING_SECONDS)
        return described | {"history": states.get_execution_history(**execution)["events"]}

    def point_to(self, champion: Pointer | None) -> None:
        """Put a version, or none, into service without the gate."""
        ssm, parameter = self.client("ssm"), self.stack.outputs[stack_outputs.CHAMPION_PARAMETER]
        if champion:
            write_pointer(ssm, parameter, champion, "a test")
        else:
            ssm.delete_parameters(Names=[parameter])

    def objects(self, bucket: str, prefix: str = "") -> list[str]:
        pages = self.client("s3").get_paginator("list_objects_v2")
        return [
            item["Key"]
            for page in pages.paginate(Bucket=bucket, Prefix=prefix)
            for item in page.get("Contents", [])
        ]

    def prepare(self) -> dict[str, Any]:
        """Prepare data, a champion and a window of predictions; return the retraining's output."""
        self.deployment.seed(BASE)
        self.deployment.label(LABELLED)
        described = self.retrain()
        assert described["status"] == "SUCCEEDED", described["history"]
        self.deployment.send([payload(post) for post in STREAMED])
        eventually("predictions of what was streamed", self._archived)
        return dict(json.loads(described["output"]))

    def _archived(self) -> bool:
        now = datetime.now(UTC)
        rows = archive.read(
            self.client("s3"),
            self.stack.outputs[stack_outputs.ARCHIVE_BUCKET],
            now - timedelta(minutes=30),
            now + timedelta(minutes=1),
        )
        return len(rows) >= len(STREAMED)


class Inbox:
    """A queue that receives what the notifications' topic publishes from now on."""

    def __init__(self, deployed: Deployed):
        self._sqs = deployed.client("sqs")
        name = f"told-{uuid.uuid4()}"
        arn = f"arn:aws:sqs:us-east-1:000000000000:{name}"
        policy = policy_for_topics(arn)
        created = self._sqs.create_queue(QueueName=name, Attributes={"Policy": policy})
        self._url = created["QueueUrl"]
        topic = deployed.stack.outputs[stack_outputs.NOTIFICATION_TOPIC]
        deployed.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

    def read(self) -> list[tuple[str, str]]:
        """Return new messages since the last call: subjects and messages."""
        received = self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10)
        messages = received.get("Messages", [])
        for message in messages:
            self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        bodies = [json.loads(message["Body"]) for message in messages]
        return [(body.get("Subject", ""), body["Message"]) for body in bodies]

    def message(self, subject: str) -> str:
        """Wait for the message with a subject."""

        def found() -> str | None:
            return next((text for about, text in self.read() if subject in about), None)

        return eventually(f"message about {subject}", found)


@contextmanager
def environment(deployed: Deployed, function: str, **changes: str) -> Iterator[None]:
    """Change a function's variables for a while."""
    functions = deployed.client("lambda")
    described = functions.get_function_configuration(FunctionName=function)
    before = described["Environment"]["Variables"]
    functions.update_function_configuration(
        FunctionName=function, Environment={"Variables": before | changes}
    )
    try:
        yield
    finally:
        functions.update_function_configuration(
            FunctionName=function, Environment={"Variables": before}
        )


def kinesis_event(*payloads: bytes) -> dict[str, Any]:
    """Return the event with which a mapping would invoke the predictor."""
    return {
        "Records": [
            {
                "eventID": f"shardId-000000000000:{number}",
                "eventSourceARN": "arn:aws:kinesis:us-east-1:000000000000:stream/posts",
                "kinesis": {
                    "partitionKey": "key",
                    "sequenceNumber": str(number),
                    "data": base64.b64encode(data).decode(),
                    "approximateArrivalTimestamp": datetime.now(UTC).timestamp(),
                },
            }
            for number, data in enumerate(payloads)
        ]
    }


def policy_for_topics(queue_arn: str) -> str:
    """Return the policy of a queue that topics send to."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
