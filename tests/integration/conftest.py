"""AWS in process: the stack's resources for the functions, on moto."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from lambdas.predictor.handler import predictor
from stresswatch.contracts.identity import KEY_LENGTH, identity_key
from stresswatch.contracts.reasons import ReasonsPolicy
from stresswatch.model.scorer import ScorerKind
from stresswatch.monitoring.drift_rules import DriftRules
from stresswatch.retraining.gate_rules import GateRules
from stresswatch.retraining.journal import Journal, PendingApproval
from stresswatch.serving.web_service import ROUTES
from stresswatch.versions.champion import Pointer, read_pointer, write_pointer
from stresswatch.versions.model_version import sha256
from tests.athena import run_queries
from tests.conftest import make_posts
from tests.environments import every_environment
from tests.strict_calls import checked
from tests.training_sets import content_of
from training_jobs.model.train import train

_TOPIC = "arn:aws:sns:us-east-1:123456789012:topic"
_VALUES = {
    "stage": "dev",
    "predictions_stream": "predictions",
    "archive_bucket": "archive",
    "quarantine_bucket": "quarantine",
    "training_bucket": "training",
    "model_bucket": "models",
    "model_package_group": "stresswatch-dev",
    "gate_rules": GateRules(),
    "journal_table": "journal",
    "cool_down_minutes": 60,
    "minimum_new_labels": 20,
    "approval_hours": 72,
    "topic_arn": _TOPIC,
    "notification_topic": _TOPIC,
    "requires_approval": False,
    "shadow_seconds": 0,
    "probation_seconds": 0,
    "shadow_parameter": "/stresswatch/dev/shadow",
    "champion_parameter": "/stresswatch/dev/champion",
    "champion_ttl_seconds": 30.0,
    "reasons": ReasonsPolicy.ON_REQUEST,
    "scorer": ScorerKind.ARRAYS,
    "identity_secret": "identity",
    "label_queue_bucket": None,
    "label_sample_share": 0.0,
    "uncertain_sample_share": 0.0,
    "query_database": "stresswatch_dev",
    "query_workgroup": "stresswatch-dev-functions",
    "window_minutes": 60,
    "quality_every_hours": 6,
    "sample_posts": 10_000,
    "minimum_window_posts": 50,
    "maximum_window_posts": 10_000,
    "drift_rules": DriftRules(),
    "drift_share_threshold": 0.05,
    "drift_windows_to_alarm": 1,
    "drift_windows_evaluated": 1,
    "report_link_hours": 12,
    "draws_posts": False,
    "quality_window_days": 7.0,
    "minimum_labelled_posts": 50,
    "rate_days": 14,
    "minimum_cell_posts": 20,
}
ENVIRONMENT = {
    name: text
    for kind in every_environment()
    for name, text in kind(**{one.name: _VALUES[one.name] for one in fields(kind)}).render().items()
}
"""The variables of all functions."""
CONTEXT = SimpleNamespace(
    function_name="tests",
    function_version="1",
    memory_limit_in_mb=1769,
    invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:tests",
    aws_request_id="request",
    get_remaining_time_in_millis=lambda: 60_000,
)

IDENTITY_KEY = b"k" * KEY_LENGTH

_FROM_TOPICS = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": "*",
        }
    ],
}


class Aws:
    """The resources, and shortcuts to inspect them."""

    def __init__(self):
        self.s3 = boto3.client("s3")
        self.ssm = boto3.client("ssm")
        self.kinesis = boto3.client("kinesis")
        self.secrets = boto3.client("secretsmanager")
        self.secrets.create_secret(
            Name=ENVIRONMENT["IDENTITY_SECRET"], SecretString=IDENTITY_KEY.decode()
        )
        for name in ("archive", "quarantine", "training", "models"):
            self.s3.create_bucket(Bucket=name)
        self.kinesis.create_stream(StreamName="predictions", ShardCount=1)
        sns, self.sqs = boto3.client("sns"), boto3.client("sqs")
        self.topic = sns.create_topic(Name="notifications")["TopicArn"]
        self.inbox = self.sqs.create_queue(
            QueueName="inbox", Attributes={"Policy": json.dumps(_FROM_TOPICS)}
        )["QueueUrl"]
        queue = self.sqs.get_queue_attributes(QueueUrl=self.inbox, AttributeNames=["QueueArn"])
        sns.subscribe(
            TopicArn=self.topic,
            Protocol="sqs",
            Endpoint=queue["Attributes"]["QueueArn"],
            Attributes={"RawMessageDelivery": "true"},
        )
        boto3.client("athena").create_work_group(
            Name=ENVIRONMENT["QUERY_WORKGROUP"], Configuration={}
        )
        self.dynamodb = boto3.client("dynamodb")
        self.dynamodb.create_table(
            TableName=ENVIRONMENT["JOURNAL_TABLE"],
            KeySchema=[
                {"AttributeName": "kind", "KeyType": "HASH"},
                {"AttributeName": "name", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": name, "AttributeType": "S"} for name in ("kind", "name")
            ],
            BillingMode="PAY_PER_REQUEST",
        )

    def put(self, bucket: str, key: str, body: bytes) -> None:
        self.s3.put_object(Bucket=bucket, Key=key, Body=body)

    @property
    def journal(self) -> Journal:
        return Journal(self.dynamodb, ENVIRONMENT["JOURNAL_TABLE"])

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        found = self.s3.list_objects_v2(Bucket=bucket, Prefix=prefix)
        return [item["Key"] for item in found.get("Contents", [])]

    def body(self, bucket: str, key: str) -> bytes:
        return self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()

    def pointer(self) -> Pointer | None:
        return read_pointer(self.ssm, ENVIRONMENT["CHAMPION_PARAMETER"])

    def publish(self, version: str, files: dict[str, bytes]) -> Pointer:
        """Store a model version, without promoting it."""
        for name, content in files.items():
            self.put("models", f"models/{version}/{name}", content)
        return Pointer(version, f"s3://models/models/{version}/", sha256(files["model.npz"]))

    def promote(self, version: str, files: dict[str, bytes]) -> Pointer:
        pointer = self.publish(version, files)
        write_pointer(self.ssm, ENVIRONMENT["CHAMPION_PARAMETER"], pointer, "a test")
        return pointer

    def messages(self) -> list[str]:
        """Take the notifications that were sent."""
        received = self.sqs.receive_message(QueueUrl=self.inbox, MaxNumberOfMessages=10)
        return [message["Body"] for message in received.get("Messages", [])]

    def predictions(self) -> list[dict]:
        """Everything on the predictions stream."""
        shard = self.kinesis.list_shards(StreamName="predictions")["Shards"][0]["ShardId"]
        iterator = self.kinesis.get_shard_iterator(
            StreamName="predictions", ShardId=shard, ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        records = self.kinesis.get_records(ShardIterator=iterator, Limit=10_000)["Records"]
        return [json.loads(record["Data"]) for record in records]


@pytest.fixture
def cold_start():
    """Start the predictor without an earlier test's memory."""
    for cached in (predictor, identity_key):
        cached.cache_clear()
    yield
    for cached in (predictor, identity_key):
        cached.cache_clear()


@pytest.fixture
def aws(monkeypatch):
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        aws = Aws()
        monkeypatch.setenv("NOTIFICATION_TOPIC", aws.topic)
        run_queries(monkeypatch, aws.s3)
        yield aws


ACCEPTED = {"accepted": True, "checks": []}
"""The verdict on a version that may serve."""


class StepFunctions:
    """Accept approvals; raise an error for tokens that no execution waits with."""

    def __init__(self):
        self.said = {}
        self.waiting = {"token"}

    def send_task_success(self, taskToken, output):  # noqa: N803 - boto3's names
        checked("stepfunctions", "SendTaskSuccess", taskToken=taskToken, output=output)
        if taskToken not in self.waiting:
            raise ClientError({"Error": {"Code": "TaskTimedOut"}}, "SendTaskSuccess")
        self.said[taskToken] = json.loads(output)


@pytest.fixture
def states():
    return StepFunctions()


def wait_for_a_word(aws, version="v3", token="token", hours=1):
    expires_at = datetime.now(UTC) + timedelta(hours=hours)
    aws.journal.await_approval(PendingApproval(version, "arn:execution", token, expires_at))


JSON = "application/json"


def request(method, path, body=None, *, content_type=JSON, is_base64=False):
    """Return a request's event, as API Gateway passes it on."""
    known = (method, path) in ROUTES
    return {
        "version": "2.0",
        "routeKey": f"{method} {path}" if known else "ANY /{proxy+}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"content-type": content_type} if content_type else {},
        "requestContext": {
            "http": {"method": method, "path": path},
            "requestId": "request-1",
            "stage": "$default",
        },
        "isBase64Encoded": is_base64,
        **({} if body is None else {"body": body}),
    }


def train_version(folder, posts, version="v1", parent="", **hyperparameters) -> dict[str, bytes]:
    """Run the training job's core on posts; return the version's files."""
    channel = folder / version / "data" / "train"
    channel.mkdir(parents=True)
    (channel / "posts.jsonl").write_bytes(content_of(posts))
    (folder / version / "config").mkdir()
    parameters = {"version": version, "parent": parent, **hyperparameters}
    (folder / version / "config" / "hyperparameters.json").write_text(json.dumps(parameters))
    return train(folder / version)


@pytest.fixture(scope="session")
def version_files(tmp_path_factory):
    """The files of a good model version named v1."""
    return train_version(tmp_path_factory.mktemp("training"), make_posts(400))
