from datetime import UTC, datetime
from types import SimpleNamespace

import boto3
import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    ProfileNotFound,
)
from typer.testing import CliRunner

import local
from cli.deployment import target as target_module
from cli.deployment.target import Target, aws_target, find_target, local_target, local_tracking_uri
from cli.errors import NoSuchStack, OperatorError, sentence
from cli.main import app
from stresswatch.aws import stack_outputs


def client_error(code: str, message: str = "") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "DescribeStacks")


@pytest.fixture
def cloudformation(monkeypatch):
    """Answer DescribeStacks from a list, or with an error."""
    stacks = SimpleNamespace(answer=[], asked=[])

    def describe_stacks(StackName):  # noqa: N803 - boto3's name
        stacks.asked.append(StackName)
        if isinstance(stacks.answer, Exception):
            raise stacks.answer
        made = {"CreationTime": datetime(2026, 11, 1, tzinfo=UTC)}
        return {"Stacks": [made | stack for stack in stacks.answer]}

    class Session:
        region_name = "eu-west-1"

        def client(self, service):
            return SimpleNamespace(describe_stacks=describe_stacks, service=service)

    monkeypatch.setattr(boto3, "Session", Session)
    return stacks


def test_the_aws_target_is_the_stages_stack_with_its_outputs(cloudformation):
    output = {"OutputKey": stack_outputs.POSTS_STREAM, "OutputValue": "posts"}
    cloudformation.answer = [{"StackName": "stresswatch-prod", "Outputs": [output]}]
    target = aws_target("prod")
    assert cloudformation.asked == ["stresswatch-prod"]
    assert (target.name, target.output(stack_outputs.POSTS_STREAM)) == ("stresswatch-prod", "posts")
    assert not target.is_local


def test_a_stack_of_another_task_is_rejected_with_the_remedy(cloudformation):
    output = {"OutputKey": stack_outputs.TASK, "OutputValue": "reviews"}
    cloudformation.answer = [{"StackName": "stresswatch-dev", "Outputs": [output]}]
    with pytest.raises(OperatorError) as refused:
        find_target(on_local=False, stage="dev")
    assert str(refused.value) == (
        "The stack stresswatch-dev has the task reviews, and this terminal the task stress. Set "
        "STRESSWATCH_TASK to the file that defines reviews, or deploy stress."
    )


def test_a_task_file_changed_since_the_deployment_is_noted(cloudformation, capsys):
    output = {"OutputKey": stack_outputs.TASK_DIGEST, "OutputValue": "0123456789ab"}
    cloudformation.answer = [{"StackName": "stresswatch-dev", "Outputs": [output]}]
    assert find_target(on_local=False, stage="dev").name == "stresswatch-dev"
    said = capsys.readouterr().err
    assert "The task file has changed since stresswatch-dev was deployed" in said
    assert "To change them, deploy." in said


def test_one_client_per_service_is_created_and_reused(cloudformation):
    cloudformation.answer = [{}]
    target = aws_target("dev")
    assert target.client("s3") is target.client("s3")
    assert target.client("s3").service == "s3"


def test_a_missing_stack_output_is_named():
    with pytest.raises(OperatorError, match="stresswatch-dev has no output PostsStreamName; dep"):
        Target("stresswatch-dev", {}, lambda service: None).output(stack_outputs.POSTS_STREAM)


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (
            client_error("ValidationError", "Stack with id stresswatch-dev does not exist"),
            "There is no stack stresswatch-dev in eu-west-1; deploy it",
        ),
        (client_error("ExpiredToken"), "log in again"),
        (client_error("AccessDenied", "not authorized"), "AccessDenied"),
        (NoCredentialsError(), "There are no AWS credentials; log in, or set AWS_PROFILE"),
        (NoRegionError(), "No AWS region is set; set AWS_DEFAULT_REGION"),
        (ProfileNotFound(profile="work"), "profile (work) could not be found"),
        (EndpointConnectionError(endpoint_url="https://x"), "Nothing answers at https://x"),
    ],
)
def test_an_unreadable_stack_is_reported_with_cause_and_remedy(cloudformation, error, advice):
    cloudformation.answer = error
    with pytest.raises(OperatorError) as caught:
        aws_target("dev")
    assert advice in str(caught.value)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize(("command", "has"), [("status", True), ("deployed", False)])
def test_only_commands_that_support_the_local_option_suggest_it(cloudformation, command, has):
    cloudformation.answer = NoRegionError()
    said = CliRunner().invoke(app, [command]).stderr
    assert "set AWS_DEFAULT_REGION" in said
    assert ("--local" in said) is has


def test_a_missing_stack_is_distinct_from_an_unreadable_one(cloudformation):
    cloudformation.answer = client_error("ValidationError", "Stack with id x does not exist")
    with pytest.raises(NoSuchStack):
        aws_target("dev")
    cloudformation.answer = client_error("AccessDenied", "not authorized")
    with pytest.raises(OperatorError) as caught:
        aws_target("dev")
    assert not isinstance(caught.value, NoSuchStack)


def test_the_local_target_is_the_stack_that_runs_in_the_folder(tmp_path, monkeypatch):
    stack = local.LocalStack(
        endpoint="http://127.0.0.1:1",
        region="us-east-1",
        stack_name="stresswatch-dev",
        outputs={stack_outputs.POSTS_STREAM: "posts"},
        pid=1,
        started_at="2026-11-23T15:00:00+00:00",
    )
    monkeypatch.setattr(target_module.local, "running", {tmp_path: stack}.get)
    target = local_target(tmp_path)
    assert target.is_local
    assert target.started == datetime(2026, 11, 23, 15, tzinfo=UTC)
    assert target.output(stack_outputs.POSTS_STREAM) == "posts"
    assert target.client("kinesis").meta.endpoint_url == "http://127.0.0.1:1"


def test_without_a_local_stack_the_error_says_how_to_start_one(tmp_path):
    with pytest.raises(OperatorError, match="start one with `stresswatch up`"):
        local_target(tmp_path)


def test_an_unknown_error_is_quoted_from_aws():
    assert sentence(ConnectTimeoutError(endpoint_url="https://x")) == (
        'AWS cannot be called: Connect timeout on endpoint URL: "https://x".'
    )


def test_local_training_is_tracked_in_a_sqlite_file_by_default(tmp_path):
    assert local_tracking_uri(tmp_path) == f"sqlite:///{tmp_path}/mlflow.db"


def test_mlflow_tracking_uri_overrides_the_local_sqlite_file(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    assert local_tracking_uri(tmp_path) == "http://127.0.0.1:5000"
