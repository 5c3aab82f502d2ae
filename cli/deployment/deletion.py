"""Delete a stage's stack: show a plan first, and empty buckets where S3 refuses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from rich.console import Console
from rich.table import Table

from cli.console import literal
from cli.deployment.client import wait_for
from cli.deployment.target import Target
from cli.errors import OperatorError
from stresswatch.aws import stack_outputs

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import StackTypeDef
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef
    from mypy_boto3_ssm import SSMClient

_BUCKET = "AWS::S3::Bucket"
_PARAMETER = "AWS::SSM::Parameter"
_POINTERS = (stack_outputs.CHAMPION_PARAMETER, stack_outputs.SHADOW_PARAMETER)
"""Outputs that name resources which promotions made outside the stack."""
_KEEPING = ("Retain", "RetainExceptOnCreate")
_ATTEMPTS = 3
"""Maximum number of deletions: objects written in between make one fail again."""
_SECONDS = 3600.0
_EVERY_SECONDS = 5.0


@dataclass(frozen=True, order=True)
class Resource:
    """A resource of a deployed stack, with its names in the template and in the account."""

    kind: str
    logical_id: str
    name: str


@dataclass(frozen=True)
class DeletionPlan:
    """The resources that a deletion retains, empties first, and deletes outside the stack."""

    left: list[Resource]
    emptied: list[Resource]
    pointers: list[Resource] = field(default_factory=list)

    def with_pointers(self, pointers: list[Resource], models: str | None) -> DeletionPlan:
        """Treat the model pointers like the bucket of that name, which holds the models."""
        if models in {one.name for one in self.left}:
            return replace(self, left=sorted([*self.left, *pointers]))
        return replace(self, pointers=pointers)

    @staticmethod
    def of(template: Mapping[str, Any], resources: Iterable[Resource]) -> DeletionPlan:
        """Read the plan from the deployed template."""
        found = sorted(resources)
        keeping = {
            name
            for name, resource in template["Resources"].items()
            if resource.get("DeletionPolicy") in _KEEPING
        }
        return DeletionPlan(
            left=[one for one in found if one.logical_id in keeping],
            emptied=[one for one in found if one.kind == _BUCKET and one.logical_id not in keeping],
        )

    def show(self, console: Console) -> None:
        """Print the plan as a table."""
        table = Table()
        for column in ("becomes", "kind", "name"):
            table.add_column(column, overflow="fold")
        for becomes, resources in (
            ("left", self.left),
            ("emptied, deleted", self.emptied),
            ("deleted", self.pointers),
        ):
            for one in resources:
                table.add_row(becomes, one.kind, literal(one.name))
        console.print(table)


@dataclass(frozen=True)
class Deletion:
    """A stack to delete, by its id, which stays valid after the deletion."""

    target: Target
    stack_id: str
    plan: DeletionPlan

    @staticmethod
    def of(target: Target) -> Deletion:
        """Plan the deletion of the deployed stack.

        Raises
        ------
        OperatorError
            When it is protected.
        """
        cloudformation: CloudFormationClient = target.client("cloudformation")
        stack = cloudformation.describe_stacks(StackName=target.name)["Stacks"][0]
        if stack.get("EnableTerminationProtection"):
            raise OperatorError(
                f"{target.name} is protected from deletion, as its stage keeps its data. To delete "
                "it anyway, remove the protection first: aws cloudformation "
                "update-termination-protection --no-enable-termination-protection "
                f"--stack-name {target.name}"
            )
        template: Any = cloudformation.get_template(StackName=target.name)["TemplateBody"]
        pages = cloudformation.get_paginator("list_stack_resources")
        resources = [
            Resource(one["ResourceType"], one["LogicalResourceId"], one["PhysicalResourceId"])
            for page in pages.paginate(StackName=target.name)
            for one in page["StackResourceSummaries"]
        ]
        plan = DeletionPlan.of(template, resources)
        models = target.outputs.get(stack_outputs.MODEL_BUCKET)
        return Deletion(target, stack["StackId"], plan.with_pointers(_pointers(target), models))

    def run(self) -> None:
        """Delete the stack; empty its buckets if S3 refuses to delete them.

        They are emptied after a first attempt, when the stack no longer writes to them.

        Raises
        ------
        OperatorError
            When something else prevents the deletion.
        """
        failed: dict[str, str] = {}
        for _ in range(_ATTEMPTS):
            failed = self._attempt()
            if not failed:
                self._delete_pointers()
                return
            full = [one for one in self.plan.emptied if one.logical_id in failed]
            if len(full) < len(failed):
                break
            for bucket in full:
                empty(self.target.client("s3"), bucket.name)
        why = "; ".join(f"{name}: {reason}" for name, reason in failed.items())
        raise OperatorError(f"{self.target.name} could not be deleted. {why}")

    def _delete_pointers(self) -> None:
        names = [one.name for one in self.plan.pointers]
        if not names:
            return
        ssm: SSMClient = self.target.client("ssm")
        try:
            ssm.delete_parameters(Names=names)
        except ClientError as error:
            raise OperatorError(
                f"{self.target.name} is deleted, but {' and '.join(names)} could not be: {error} "
                f"Delete them by hand: aws ssm delete-parameters --names {' '.join(names)}"
            ) from error

    def _attempt(self) -> dict[str, str]:
        """Delete once; return the resources that could not be deleted, with the reason."""
        cloudformation: CloudFormationClient = self.target.client("cloudformation")
        cloudformation.delete_stack(StackName=self.stack_id)

        def ended() -> StackTypeDef | None:
            stack = cloudformation.describe_stacks(StackName=self.stack_id)["Stacks"][0]
            return None if stack["StackStatus"] == "DELETE_IN_PROGRESS" else stack

        stack = wait_for("the stack's deletion", ended, _SECONDS, _EVERY_SECONDS)
        if stack["StackStatus"] == "DELETE_COMPLETE":
            return {}
        pages = cloudformation.get_paginator("list_stack_resources")
        failed = {
            one["LogicalResourceId"]: one.get("ResourceStatusReason", "no reason was given")
            for page in pages.paginate(StackName=self.stack_id)
            for one in page["StackResourceSummaries"]
            if one["ResourceStatus"] == "DELETE_FAILED"
        }
        return failed or {self.target.name: stack.get("StackStatusReason", stack["StackStatus"])}


def _pointers(target: Target) -> list[Resource]:
    """Return the pointers that promotions made: the stack names them but does not own them."""
    names = {target.outputs[output]: output for output in _POINTERS if output in target.outputs}
    if not names:
        return []
    ssm: SSMClient = target.client("ssm")
    found = ssm.get_parameters(Names=list(names))["Parameters"]
    return sorted(Resource(_PARAMETER, names[one["Name"]], one["Name"]) for one in found)


def empty(s3: S3Client, bucket: str) -> None:
    """Delete every version of every object of a bucket.

    Raises
    ------
    OperatorError
        When S3 does not delete one.
    """
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        versions: list[ObjectIdentifierTypeDef] = [
            {"Key": one["Key"], "VersionId": one["VersionId"]}
            for one in (*page.get("Versions", ()), *page.get("DeleteMarkers", ()))
        ]
        if versions:
            answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": versions, "Quiet": True})
            for error in answer.get("Errors", ()):
                raise OperatorError(
                    f"{error['Key']} of {bucket} cannot be deleted: {error['Message']}."
                )


def print_what_is_left(console: Console, plan: DeletionPlan) -> None:
    """Print what remains after a deletion, inside and outside the stack."""
    left = (
        f"{len(plan.left)} resources remain with their data, and still cost money; delete "
        "them by hand when you no longer need them."
        if plan.left
        else "None of its resources remain."
    )
    console.print(
        f"Deleted. {left} Resources outside the stack remain: the log groups of training jobs, and "
        "the images and files in CDK's bootstrap stack.",
        soft_wrap=True,
    )
