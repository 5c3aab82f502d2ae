"""CloudFormation deletes a stack, except the resources that its template keeps."""

from __future__ import annotations

import json
import uuid

import pytest

from cli.deployment.deletion import Deletion
from cli.deployment.target import Target
from cli.errors import OperatorError
from tests.conftest import PROJECT
from tests.e2e.deployed import Deployed
from tests.e2e.shell import LineFailed, Shell
from tests.e2e.waiting import eventually


def test_deleting_an_unprotected_stack_keeps_its_retained_data(
    deployed: Deployed,
) -> None:
    name = f"small-{uuid.uuid4().hex[:8]}"
    cloudformation, s3 = deployed.client("cloudformation"), deployed.client("s3")
    template = {
        "Resources": {
            "Kept": {
                "Type": "AWS::S3::Bucket",
                "DeletionPolicy": "Retain",
                "Properties": {"BucketName": f"{name}-kept"},
            },
            "Going": {
                "Type": "AWS::S3::Bucket",
                "Properties": {"BucketName": f"{name}-going"},
            },
        }
    }
    cloudformation.create_stack(
        StackName=name, TemplateBody=json.dumps(template), EnableTerminationProtection=True
    )

    def status() -> str:
        return str(cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])

    eventually("stack", lambda: status() == "CREATE_COMPLETE")
    for bucket in ("kept", "going"):
        s3.put_object(Bucket=f"{name}-{bucket}", Key="object", Body=b"data")
    target = Target(name, {}, deployed.client)
    with pytest.raises(OperatorError, match="is protected from deletion"):
        Deletion.of(target)
    cloudformation.update_termination_protection(StackName=name, EnableTerminationProtection=False)

    deletion = Deletion.of(target)
    assert [one.name for one in deletion.plan.left] == [f"{name}-kept"]
    assert [one.name for one in deletion.plan.emptied] == [f"{name}-going"]
    deletion.run()
    buckets = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    assert f"{name}-kept" in buckets
    assert f"{name}-going" not in buckets
    assert s3.get_object(Bucket=f"{name}-kept", Key="object")["Body"].read() == b"data"
    s3.delete_object(Bucket=f"{name}-kept", Key="object")
    s3.delete_bucket(Bucket=f"{name}-kept")


def test_the_plan_is_shown_and_nothing_is_deleted_without_confirmation(
    deployed: Deployed, shell: Shell
) -> None:
    with pytest.raises(LineFailed, match=r"(?s)emptied,\s.*Aborted\."):
        shell.type(["make destroy STAGE=dev"], PROJECT)
    stack = deployed.client("cloudformation").describe_stacks(StackName="stresswatch-dev")
    assert stack["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"
