"""Requests, objects and log lines of the retraining workflow's states."""

import io
import json
import tarfile

import boto3

from stresswatch.contracts.posts import post_record
from stresswatch.retraining import triggers
from stresswatch.retraining.triggers import request_of
from stresswatch.storage.training_sources import SOURCES_FILE, Sources

BY_SCHEDULE = request_of(triggers.SCHEDULE, "rate(1 day)")
DRIFT_ALARM = request_of(triggers.DRIFT_ALARM, "0.6 is over the threshold")
FORCED = request_of("operator", "a test", force=True)


def lines(posts, **fields):
    records = [post_record(post.post) | {"label": post.label} | fields for post in posts]
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def deliver(aws, files):
    """Store the output that SageMaker would deliver for a training job."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    aws.put("training", "training-output/job/output/model.tar.gz", buffer.getvalue())


def gate_event(dataset_answer, version):
    return {
        "version": version,
        "dataset_uri": dataset_answer["dataset_uri"],
        "training": {
            "ModelArtifacts": {
                "S3ModelArtifacts": "s3://training/training-output/job/output/model.tar.gz"
            },
            "BillableTimeInSeconds": 90,
        },
    }


class Executions:
    """Executions of a state machine, which run until they are stopped."""

    def __init__(self):
        self._states = boto3.client("stepfunctions")
        self._machine = self._states.create_state_machine(
            name="retraining",
            roleArn="arn:aws:iam::123456789012:role/retraining",
            definition=json.dumps({"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}),
        )["stateMachineArn"]

    def start(self, name="first", *, force=False):
        """Start an execution; return the payload that its first state sends."""
        started = self._states.start_execution(stateMachineArn=self._machine, name=name)
        return {
            "execution": started["executionArn"],
            "request": request_of("operator", "a test", force=force),
        }

    def stop(self, event):
        self._states.stop_execution(executionArn=event["execution"])


def label(aws, name, posts):
    labelled_at = f"2026-11-23T00:00:00.{ord(name):06}Z"
    aws.put("training", f"labels/{name}.jsonl", lines(posts, labelled_at=labelled_at))


def sources_of(aws, answer):
    folder = answer["dataset_uri"].removeprefix("s3://training/")
    return Sources.from_bytes(aws.body("training", f"{folder}{SOURCES_FILE}"))


def judge(aws, version):
    aws.put("models", f"models/{version}/verdict.json", b"{}")


def counted(capsys, metric):
    """The values of a metric in the log, as CloudWatch would read them."""
    return values(capsys.readouterr().out, metric)


def values(log, metric):
    logged = [json.loads(line) for line in log.splitlines() if line]
    return [value for entry in logged for value in entry.get(metric, [])]
