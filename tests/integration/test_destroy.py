"""The command `destroy`: on moto's S3, with a CloudFormation that deletes what it may there."""

import json
from types import SimpleNamespace

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from typer.testing import CliRunner

from cli import main
from cli.commands import operations
from cli.deployment.target import Target
from stresswatch.aws import stack_outputs

TEMPLATE = {
    "Resources": {
        "Models": {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain"},
        "Archive": {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Delete"},
        "Queue": {"Type": "AWS::SQS::Queue"},
    }
}
POINTERS = {
    stack_outputs.CHAMPION_PARAMETER: "/champion",
    stack_outputs.SHADOW_PARAMETER: "/shadow",
}


class CloudFormation:
    """Delete buckets as CloudFormation does: it fails on those that hold objects.

    Attributes
    ----------
    unwilling : dict of str to str
        Why a resource cannot be deleted, by logical id.
    meanwhile : list of callable
        What happens during each deletion, before the buckets' turn.
    """

    def __init__(self, s3):
        self.s3 = s3
        self.stack = {"StackId": "id", "StackStatus": "CREATE_COMPLETE"}
        self.outputs = {}
        self.failed = {}
        self.unwilling = {}
        self.meanwhile = []

    def describe_stacks(self, StackName):  # noqa: N803 - boto3's names
        assert StackName in ("stresswatch-dev", "id")
        return {"Stacks": [self.stack]}

    def get_template(self, StackName):  # noqa: N803
        return {"TemplateBody": json.loads(json.dumps(TEMPLATE))}

    def get_paginator(self, operation):
        assert operation == "list_stack_resources"
        resources = [
            {
                "LogicalResourceId": name,
                "PhysicalResourceId": f"stresswatch-{name.lower()}",
                "ResourceType": resource["Type"],
                "ResourceStatus": "DELETE_FAILED" if name in self.failed else "CREATE_COMPLETE",
                "ResourceStatusReason": self.failed.get(name, ""),
            }
            for name, resource in TEMPLATE["Resources"].items()
        ]
        # One per page: a stack of more than a hundred has several.
        pages = [{"StackResourceSummaries": [one]} for one in resources]
        return SimpleNamespace(paginate=lambda **_: pages)

    def delete_stack(self, StackName):  # noqa: N803
        assert StackName == "id"
        self.failed = dict(self.unwilling)
        if self.meanwhile:
            self.meanwhile.pop(0)()
        try:
            self.s3.delete_bucket(Bucket="stresswatch-archive")
        except ClientError as error:
            self.failed["Archive"] = str(error)
        self.stack["StackStatus"] = "DELETE_FAILED" if self.failed else "DELETE_COMPLETE"


@pytest.fixture
def stack(monkeypatch):
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        for bucket in ("stresswatch-models", "stresswatch-archive"):
            s3.create_bucket(Bucket=bucket)
            s3.put_object(Bucket=bucket, Key="kept", Body=b"data")
        cloudformation = CloudFormation(s3)
        clients = {"cloudformation": cloudformation, "s3": s3}
        target = Target("stresswatch-dev", cloudformation.outputs, clients.__getitem__)
        cloudformation.clients = clients
        monkeypatch.setattr(operations, "aws_target", lambda stage: target)
        yield cloudformation


def buckets(stack):
    return [bucket["Name"] for bucket in stack.s3.list_buckets()["Buckets"]]


def run(*arguments, said=None):
    return CliRunner().invoke(
        main.app, ["destroy", "--stage", "dev", *arguments], input=said, catch_exceptions=False
    )


def rows(result):
    cells = [line.split("│") for line in result.stdout.splitlines() if "AWS::" in line]
    return [tuple(cell.strip() for cell in row[1:-1]) for row in cells]


def test_it_shows_a_plan_and_asks_for_confirmation(stack):
    result = run(said="n\n")
    assert result.exit_code == 1
    assert rows(result) == [
        ("left", "AWS::S3::Bucket", "stresswatch-models"),
        ("emptied, deleted", "AWS::S3::Bucket", "stresswatch-archive"),
    ]
    assert "Delete stresswatch-dev except its retained data? [y/N]" in result.stdout
    assert stack.stack["StackStatus"] == "CREATE_COMPLETE"


def test_versioned_buckets_are_deleted_and_retained_ones_stay(stack):
    versioned = {"Status": "Enabled"}
    stack.s3.put_bucket_versioning(Bucket="stresswatch-archive", VersioningConfiguration=versioned)
    stack.s3.put_object(Bucket="stresswatch-archive", Key="kept", Body=b"again")
    stack.s3.delete_object(Bucket="stresswatch-archive", Key="kept")
    result = run(said="y\n")
    assert result.exit_code == 0
    assert "Deleted. 1 resources remain" in result.stdout
    assert buckets(stack) == ["stresswatch-models"]
    body = stack.s3.get_object(Bucket="stresswatch-models", Key="kept")["Body"].read()
    assert body == b"data"


def test_objects_written_during_deletion_are_deleted_too(stack):
    def write():
        stack.s3.put_object(Bucket="stresswatch-archive", Key="late", Body=b"log")

    stack.meanwhile = [write, write]
    assert run("--yes").exit_code == 0
    assert buckets(stack) == ["stresswatch-models"]


def test_a_bucket_that_keeps_filling_fails_with_the_reason(stack):
    def write():
        stack.s3.put_object(Bucket="stresswatch-archive", Key="late", Body=b"log")

    stack.meanwhile = [write] * 3
    result = run("--yes")
    assert result.exit_code == 1
    assert "stresswatch-dev could not be deleted. Archive: " in result.stderr
    assert "BucketNotEmpty" in result.stderr


def test_other_failures_are_reported_and_buckets_stay_filled(stack):
    stack.unwilling = {"Queue": "somebody holds it"}
    result = run("--yes")
    assert result.exit_code == 1
    assert "Queue: somebody holds it" in result.stderr
    assert stack.s3.list_objects_v2(Bucket="stresswatch-archive")["KeyCount"] == 1


def test_a_protected_stack_stays_and_the_error_says_what_to_do(stack):
    stack.stack["EnableTerminationProtection"] = True
    result = run("--yes")
    assert result.exit_code == 1
    assert "stresswatch-dev is protected from deletion" in result.stderr
    assert "--no-enable-termination-protection --stack-name stresswatch-dev" in result.stderr
    assert stack.stack["StackStatus"] == "CREATE_COMPLETE"
    assert len(buckets(stack)) == 2


@pytest.mark.parametrize(
    ("models", "becomes", "remaining"),
    [("stresswatch-archive", "deleted", []), ("stresswatch-models", "left", ["/champion"])],
)
def test_the_champion_pointer_is_deleted_only_with_the_models(stack, models, becomes, remaining):
    ssm = stack.clients["ssm"] = boto3.client("ssm", region_name="us-east-1")
    ssm.put_parameter(Name="/champion", Value="{}", Type="String")
    stack.outputs |= POINTERS | {stack_outputs.MODEL_BUCKET: models}
    result = run("--yes")
    assert (becomes, "AWS::SSM::Parameter", "/champion") in rows(result)
    assert result.exit_code == 0
    left = ssm.describe_parameters()["Parameters"]
    assert [one["Name"] for one in left] == remaining


def test_an_undeletable_pointer_is_reported_with_the_command(stack):
    def deny(**_):
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "DeleteParameters")

    ssm = boto3.client("ssm", region_name="us-east-1")
    ssm.put_parameter(Name="/champion", Value="{}", Type="String")
    stack.clients["ssm"] = SimpleNamespace(
        get_parameters=ssm.get_parameters, delete_parameters=deny
    )
    stack.outputs |= POINTERS
    result = run("--yes")
    assert result.exit_code == 1
    assert "stresswatch-dev is deleted, but /champion could not be" in result.stderr
    assert "aws ssm delete-parameters --names /champion" in result.stderr
