"""Batch scoring: a workflow that scores the parts of a large file in parallel."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from cdk_app.constructs.platform.foundation import Foundation
from cdk_app.constructs.platform.functions import invoked_in_step, role_of
from cdk_app.constructs.platform.workflows import (
    SCORING,
    allow_executions,
    integration,
    workflow,
    workflow_arn,
    workflow_role,
)
from cdk_app.permissions import allow
from stresswatch.serving.batch_scoring import PREFIX
from stresswatch.serving.environments import ScoringEnvironment
from stresswatch.versions.model_version import MODELS_PREFIX


class BatchScoring(Construct):
    """Manifest of parts in S3 → Distributed Map → scoring function → results beside the file.

    Attributes
    ----------
    function : lambda_.Function
    state_machine : sfn.StateMachine
    """

    def __init__(self, scope: Construct, id: str, foundation: Foundation):
        super().__init__(scope, id)
        stage, storage = foundation.stage, foundation.storage
        self._foundation = foundation
        self._stage = stage
        self._storage = storage
        self.function = foundation.functions.predicting_function(
            self,
            "scoring",
            memory_mb=1769,  # one full vCPU
            timeout=Duration.minutes(15),  # slow pipelines take minutes for a part
            concurrency=stage.scoring.concurrency,
            environment=ScoringEnvironment(
                stage=stage.name,
                training_bucket=storage.training.bucket_name,
                scorer=stage.serving.scorer,
            ),
        )
        invoked_in_step(self.function, "the workflow waits for the result, and counts failures.")
        role = role_of(self.function)
        storage.grant_read(role, storage.models, MODELS_PREFIX)
        storage.grant_read(role, storage.training, PREFIX)
        storage.grant_write(role, storage.training, PREFIX)
        self.state_machine = self._state_machine()

    def _state_machine(self) -> sfn.StateMachine:
        role = workflow_role(self)
        machine = workflow(
            self,
            self._foundation,
            SCORING,
            role,
            sfn.CustomState(self, "ScoreParts", state_json=self._map()),
            # By then, the lifecycle rule has deleted the parts.
            timeout=Duration.days(self._stage.scoring.kept_days),
        )
        self._grant(role)
        return machine

    def _map(self) -> dict[str, object]:
        # A custom state, as the construct's map grants itself action patterns on whole buckets.
        stage, bucket = self._stage, self._storage.training.bucket_name
        return {
            "Type": "Map",
            "Label": "Parts",
            "ItemReader": {
                "Resource": integration(self, "s3", "getObject"),
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
            "MaxConcurrency": stage.scoring.concurrency,
            "ToleratedFailurePercentage": stage.scoring.tolerated_failure_percentage,
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
            # The results of many parts would exceed a state's limit, so they go to S3.
            "ResultWriter": {
                "Resource": integration(self, "s3", "putObject"),
                "Parameters": {"Bucket": bucket, "Prefix.$": "$.answers"},
            },
            "End": True,
        }

    def _grant(self, role: iam.Role) -> None:
        storage = self._storage
        allow(role, ["lambda:InvokeFunction"], [self.function.function_arn])
        storage.grant_read(role, storage.training, PREFIX)
        storage.grant_write(role, storage.training, PREFIX)
        allow(
            role,
            ["s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"],
            [storage.training.arn_for_objects(f"{PREFIX}*")],
        )
        # Each part is a separate execution, of a state machine with this one's name.
        allow(role, ["states:StartExecution"], [workflow_arn(self, self._stage, SCORING)])
        allow_executions(
            role, self._stage, SCORING, "states:DescribeExecution", "states:StopExecution"
        )
