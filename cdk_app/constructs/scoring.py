"""Batch scoring: a workflow that has each part of a large file scored, many at a time."""

from __future__ import annotations

from aws_cdk import ArnFormat, Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from cdk_app.constructs.functions import (
    Functions,
    inline_policy,
    invoked_in_step,
    log_group,
    role_of,
)
from cdk_app.constructs.storage import Storage
from cdk_app.findings import acknowledge_wildcards
from cdk_app.permissions import allow
from cdk_app.stages import Stage
from stresswatch.scoring import PREFIX


class Scoring(Construct):
    """Manifest of parts in S3 → Distributed Map → scoring function → results beside the file.

    Attributes
    ----------
    function : lambda_.Function
    state_machine : sfn.StateMachine
    """

    def __init__(
        self, scope: Construct, id: str, stage: Stage, functions: Functions, storage: Storage
    ):
        super().__init__(scope, id)
        self._stage = stage
        self._storage = storage
        self.function = functions.zip_function(
            self,
            "scoring",
            memory_mb=1769,  # one full vCPU
            timeout=Duration.minutes(5),
            concurrency=stage.scoring_concurrency,
            environment={"TRAINING_BUCKET": storage.training.bucket_name},
        )
        invoked_in_step(self.function, "the workflow waits for it, and counts what failed.")
        role = role_of(self.function)
        storage.grant_read(role, storage.models, "models/")
        storage.grant_read(role, storage.training, PREFIX)
        storage.grant_write(role, storage.training, PREFIX)
        self.state_machine = self._state_machine()

    @property
    def _name(self) -> str:
        return f"stresswatch-{self._stage.name}-scoring"

    def _state_machine(self) -> sfn.StateMachine:
        role = iam.Role(
            self, "WorkflowRole", assumed_by=iam.ServicePrincipal("states.amazonaws.com")
        )
        inline_policy(role)
        machine = sfn.StateMachine(
            self,
            "Workflow",
            state_machine_name=self._name,
            role=role,
            definition_body=sfn.DefinitionBody.from_chainable(
                sfn.CustomState(self, "ScoreParts", state_json=self._map())
            ),
            logs=sfn.LogOptions(
                destination=log_group(self, "WorkflowLogs", self._stage, self._storage.key),
                level=sfn.LogLevel.ALL,
                include_execution_data=False,
            ),
            tracing_enabled=True,
        )
        acknowledge_wildcards(
            role, ["*"], "X-Ray and the delivery of logs have no resource-level permission."
        )
        self._grant(role)
        return machine

    def _map(self) -> dict[str, object]:
        # A custom state, as the construct's map grants itself patterns of actions on whole buckets.
        stage, bucket = self._stage, self._storage.training.bucket_name
        return {
            "Type": "Map",
            "Label": "Parts",
            "ItemReader": {
                "Resource": self._integration("getObject"),
                "ReaderConfig": {"InputType": "JSON"},
                "Parameters": {"Bucket": bucket, "Key.$": "$.manifest"},
            },
            "ItemSelector": {
                "part.$": "$$.Map.Item.Value",
                "results.$": "$.results",
                "version.$": "$.version",
                "uri.$": "$.uri",
                "sha256.$": "$.sha256",
            },
            "MaxConcurrency": stage.scoring_concurrency,
            "ToleratedFailurePercentage": stage.scoring_tolerated_failure_percentage,
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                "StartAt": "ScorePart",
                "States": {
                    "ScorePart": {
                        "Type": "Task",
                        "Resource": self.function.function_arn,
                        "Retry": [
                            {
                                "ErrorEquals": ["States.ALL"],
                                "IntervalSeconds": 1,
                                "BackoffRate": 2,
                                "MaxAttempts": 3,
                                "JitterStrategy": "FULL",
                            },
                        ],
                        "End": True,
                    }
                },
            },
            # Without a place for them, the answers of many parts would be more than a state holds.
            "ResultWriter": {
                "Resource": self._integration("putObject"),
                "Parameters": {"Bucket": bucket, "Prefix.$": "$.answers"},
            },
            "End": True,
        }

    def _integration(self, operation: str) -> str:
        return Stack.of(self).format_arn(
            service="states",
            region="",
            account="",
            resource="s3",
            resource_name=operation,
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )

    def _grant(self, role: iam.Role) -> None:
        storage, stack = self._storage, Stack.of(self)
        allow(role, ["lambda:InvokeFunction"], [self.function.function_arn])
        storage.grant_read(role, storage.training, PREFIX)
        storage.grant_write(role, storage.training, PREFIX)
        allow(
            role,
            ["s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"],
            [storage.training.arn_for_objects(f"{PREFIX}*")],
        )
        # Each part is an execution of its own, of a state machine that is named after this one.
        machine = stack.format_arn(
            service="states",
            resource="stateMachine",
            resource_name=self._name,
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        allow(role, ["states:StartExecution"], [machine])
        allow(
            role,
            ["states:DescribeExecution", "states:StopExecution"],
            [
                stack.format_arn(
                    service="states",
                    resource="execution",
                    resource_name=f"{self._name}:*",
                    arn_format=ArnFormat.COLON_RESOURCE_NAME,
                )
            ],
            pattern_because="An execution has its name when it is started.",
        )
