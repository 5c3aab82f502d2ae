"""A client of a deployment for operators, on AWS and on the local stack alike."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from cli.errors import OperatorError
from stresswatch.aws import service_text, stack_outputs
from stresswatch.aws.s3 import Location, listed, read
from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.contracts.posts import post_record
from stresswatch.contracts.predictions import prediction_id
from stresswatch.retraining.run_report import failure
from stresswatch.retraining.triggers import request_of
from stresswatch.serving.label_requests import label_key
from stresswatch.storage.quarantine import PREFIX as QUARANTINE_PREFIX
from stresswatch.storage.training_sets import given_by, to_lines
from stresswatch.storage.training_sources import base_key
from stresswatch.streaming.put_records import StreamRecord, put_records
from stresswatch.versions.champion import Pointer, read_pointer
from stresswatch.versions.model_version import CARD_PAGE_FILE

if TYPE_CHECKING:
    from cli.deployment.target import Target

T = TypeVar("T")

_BYTES_IN_MEMORY = 16 * 1024 * 1024
"""Bytes of an upload in memory; larger ones go through a file."""
_ENDED = {"FAILED": "failed", "TIMED_OUT": "timed out", "ABORTED": "was aborted"}
_FINISHED = ("SUCCEEDED", *_ENDED)


def wait_for(what: str, look: Callable[[], T | None], seconds: float, every: float = 0.2) -> T:
    """Call `look` until it returns something other than None; return that value.

    Raises
    ------
    OperatorError
        When nothing arrives in time.
    """
    deadline = time.monotonic() + seconds
    while (found := look()) is None:
        if time.monotonic() > deadline:
            raise OperatorError(f"Timed out after {seconds:.0f} s waiting for {what}.")
        time.sleep(every)
    return found


class Measurement(NamedTuple):
    """The results of drift, live quality and rates for a span."""

    drift: dict[str, Any]
    quality: dict[str, Any]
    rate: dict[str, Any]


@dataclass(frozen=True)
class DeploymentClient:
    """Seed, label, send, retrain and read results, through AWS's public APIs alone."""

    target: Target

    def seed(self, posts: Iterable[LabelledPost], name: str = "posts") -> str:
        """Upload a base data set; replace a set of the same name. Its posts have no date."""
        undated = (replace(post, labelled_at=None) for post in posts)
        return self._upload(base_key(name), undated)

    def label(self, posts: Iterable[LabelledPost]) -> str:
        """Upload labels of posts; labels without a time get the present time."""
        now = datetime.now(UTC)
        return self._upload(label_key(now, uuid.uuid4().hex[:8]), given_by(posts, now))

    def _upload(self, key: str, posts: Iterable[LabelledPost]) -> str:
        bucket = self.target.output(stack_outputs.TRAINING_BUCKET)
        with SpooledTemporaryFile(_BYTES_IN_MEMORY) as lines:
            for post in posts:
                lines.write(to_lines([post]))
            lines.seek(0)
            self.target.client("s3").upload_fileobj(lines, bucket, key)
        return f"s3://{bucket}/{key}"

    def send(self, payloads: Sequence[tuple[str, bytes]]) -> list[str]:
        """Put payloads with their partition keys on the posts stream.

        Returns
        -------
        list of str
            The ids of their future predictions.
        """
        stream = self.target.output(stack_outputs.POSTS_STREAM)
        records = [StreamRecord(key, data) for key, data in payloads]
        positions = put_records(self.target.client("kinesis"), stream, records, attempts=8)
        ids = [prediction_id(stream, *position) for position in positions if position]
        if len(ids) < len(records):
            raise OperatorError(
                f"The stream refused {len(records) - len(ids)} of {len(records)} records on the "
                "last attempt; send more slowly, or give the stream more shards."
            )
        return ids

    def start_retraining(self, trigger: str, reason: str, *, force: bool = False) -> str:
        """Start the workflow; return the execution's ARN.

        ``force`` waives only the cool-down and the minimum of new labels. The reason is cut to the
        limits of the services that record it.
        """
        asked = request_of(trigger, service_text.description(reason), force=force)
        answer = self.target.client("stepfunctions").start_execution(
            stateMachineArn=self.target.output(stack_outputs.RETRAINING_STATE_MACHINE),
            input=json.dumps(asked),
        )
        return str(answer["executionArn"])

    def executions(
        self, workflow: str = stack_outputs.RETRAINING_STATE_MACHINE
    ) -> list[dict[str, Any]]:
        """Return the executions of an output's workflow, newest first."""
        answer = self.target.client("stepfunctions").list_executions(
            stateMachineArn=self.target.output(workflow), maxResults=100
        )
        return list(answer["executions"])

    def describe(self, execution: str) -> dict[str, Any]:
        return dict(self.target.client("stepfunctions").describe_execution(executionArn=execution))

    def current_state(self, execution: str) -> str | None:
        """Return the last state that the execution entered."""
        history = self.target.client("stepfunctions").get_execution_history(
            executionArn=execution, maxResults=100, reverseOrder=True
        )
        entered = (
            event["stateEnteredEventDetails"]["name"]
            for event in history["events"]
            if "stateEnteredEventDetails" in event
        )
        return next(entered, None)

    def follow(
        self,
        execution: str,
        seconds: float,
        on_state: Callable[[str], None],
        what: str = "retraining",
    ) -> dict[str, Any]:
        """Wait for an execution to end; return its output.

        Raises
        ------
        OperatorError
            When it does not succeed.
        """

        def finished() -> dict[str, Any] | None:
            on_state(self.current_state(execution) or "starting")
            described = self.describe(execution)
            return described if described["status"] in _FINISHED else None

        described = wait_for(f"the {what}'s end", finished, seconds)
        if described["status"] != "SUCCEEDED":
            raise OperatorError(f"The {what} {_ENDED[described['status']]}: {cause_of(described)}.")
        return dict(json.loads(described["output"]))

    def champion(self) -> Pointer | None:
        return read_pointer(
            self.target.client("ssm"), self.target.output(stack_outputs.CHAMPION_PARAMETER)
        )

    def model_card(self, version: Pointer) -> bytes:
        """Read a model version's card."""
        return read(self.target.client("s3"), Location.parse(version.uri) / CARD_PAGE_FILE)

    def start_measurement(self, start: datetime, end: datetime) -> str:
        """Start the monitoring workflow for a span; return the execution's ARN."""
        span = {"start": start.isoformat(), "end": end.isoformat()}
        answer = self.target.client("stepfunctions").start_execution(
            stateMachineArn=self.target.output(stack_outputs.MONITORING_STATE_MACHINE),
            input=json.dumps(span),
        )
        return str(answer["executionArn"])

    def measure(
        self,
        start: datetime,
        end: datetime,
        seconds: float = 3600,
        on_state: Callable[[str], None] = lambda _: None,
    ) -> Measurement:
        """Settle and measure the predictions of a span, as the schedule does for each window.

        Raises
        ------
        OperatorError
            When a step failed on its last attempt.
        """
        output = self.follow(
            self.start_measurement(start, end), seconds, on_state, what="measurement"
        )
        (drift,) = output["drift"]
        return Measurement(drift, output["quality"], output["rate"])

    def drift_alarm(self) -> dict[str, Any]:
        """Describe the drift alarm, as CloudWatch does."""
        name = self.target.output(stack_outputs.DRIFT_ALARM)
        alarms = self.target.client("cloudwatch").describe_alarms(AlarmNames=[name])
        return dict(alarms["MetricAlarms"][0])

    def is_alarming(self) -> bool:
        return bool(self.drift_alarm()["StateValue"] == "ALARM")

    def quarantined(self) -> int:
        """Count the records in quarantine."""
        s3, bucket = self.target.client("s3"), self.target.output(stack_outputs.QUARANTINE_BUCKET)
        return sum(1 for _ in listed(s3, bucket, QUARANTINE_PREFIX))


def payload(labelled: LabelledPost) -> tuple[str, bytes]:
    """Return a post as partition key and record, without its label."""
    record = post_record(labelled.post)
    return labelled.post.post_id, json.dumps(record).encode()


def cause_of(execution: Mapping[str, Any]) -> str:
    """Return why an execution failed: the workflow passes on the failed step's error."""
    cause = str(execution.get("cause", ""))
    if cause.startswith("{"):
        return failure(json.loads(cause))
    return cause or execution.get("error") or "no cause was given"
