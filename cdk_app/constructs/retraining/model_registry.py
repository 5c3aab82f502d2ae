"""The model package group, and the function that synchronises it with the loop."""

from __future__ import annotations

from aws_cdk import Duration, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from cdk_app.constructs.platform.foundation import Foundation
from cdk_app.constructs.platform.functions import role_of
from cdk_app.constructs.platform.workflows import RETRAINING, workflow_arn
from cdk_app.names import stack_suffix
from cdk_app.permissions import allow
from cdk_app.removal import KEEP
from stresswatch.aws.stack_outputs import stack_name
from stresswatch.retraining.environments import RegistryEnvironment
from stresswatch.retraining.journal import APPROVAL, BARRED
from stresswatch.versions.model_registry import (
    APPROVED,
    CHAMPION_CHANGED,
    EXECUTION_CHANGED,
    PACKAGE_CHANGED,
    REJECTED,
)
from stresswatch.versions.model_version import MODELS_PREFIX

_ENDED = ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"]


class ModelRegistry(Construct):
    """Judged version → package; approval there → the waiting retraining."""

    def __init__(self, scope: Construct, id: str, foundation: Foundation):
        super().__init__(scope, id)
        stage, storage, pointers = foundation.stage, foundation.storage, foundation.pointers
        journal, dead_letters = foundation.journal, foundation.dead_letters
        stack = Stack.of(self)
        # A group that remains after the stack's deletion keeps its name.
        name = f"{stack_name(stage.name)}-{stack_suffix(self)}"
        group = sagemaker.CfnModelPackageGroup(
            self,
            "Group",
            model_package_group_name=name,
            model_package_group_description="What was trained, and what became of it",
        )
        # SageMaker deletes only groups without packages.
        group.apply_removal_policy(KEEP)
        self.function = foundation.functions.zip_function(
            self,
            "registry",
            memory_mb=512,
            timeout=Duration.minutes(1),
            concurrency=stage.serving.other_concurrency,
            environment=RegistryEnvironment(
                stage=stage.name,
                model_package_group=name,
                model_bucket=storage.models.bucket_name,
                journal_table=journal.table.table_name,
                champion_parameter=pointers.champion.parameter_name,
            ),
        )
        role = role_of(self.function)
        dead_letters.take_from(self.function)
        pointers.grant_read_champion(role)
        storage.grant_read(role, storage.models, MODELS_PREFIX)
        journal.grant_read(role, BARRED)
        journal.grant_read(role, APPROVAL)
        journal.grant_write(role, APPROVAL)
        workflow = workflow_arn(self, stage, RETRAINING)
        allow(role, ["states:SendTaskSuccess"], [workflow])
        allow(
            role,
            ["sagemaker:CreateModelPackage"],
            [group.attr_model_package_group_arn],
        )
        allow(
            role,
            [
                "sagemaker:CreateModelPackage",
                "sagemaker:DescribeModelPackage",
                # The packages of a group are listed by their own resource, not by the group's.
                "sagemaker:ListModelPackages",
                "sagemaker:UpdateModelPackage",
            ],
            [
                stack.format_arn(
                    service="sagemaker", resource="model-package", resource_name=f"{name}/*"
                )
            ],
            pattern_because="A package gets its number at registration.",
        )
        for rule, source, detail_type, detail in (
            (
                "OnWord",
                "aws.sagemaker",
                PACKAGE_CHANGED,
                {"ModelPackageGroupName": [name], "ModelApprovalStatus": [APPROVED, REJECTED]},
            ),
            (
                "OnChampion",
                "aws.ssm",
                CHAMPION_CHANGED,
                {
                    "name": [pointers.champion.parameter_name],
                    "operation": ["Create", "Update"],
                },
            ),
            (
                "OnEnd",
                "aws.states",
                EXECUTION_CHANGED,
                {"stateMachineArn": [workflow], "status": _ENDED},
            ),
        ):
            events.Rule(
                self,
                rule,
                event_pattern=events.EventPattern(
                    source=[source], detail_type=[detail_type], detail=detail
                ),
                targets=[
                    targets.LambdaFunction(
                        self.function, dead_letter_queue=dead_letters.of_rules, retry_attempts=3
                    )
                ],
            )
