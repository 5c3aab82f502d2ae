"""The training job: its image, its role, and the state that runs it on SageMaker."""

from __future__ import annotations

from aws_cdk import ArnFormat, IgnoreMode, Stack
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from cdk_app.bundling import image_context
from cdk_app.constructs.platform.foundation import Foundation
from cdk_app.constructs.platform.functions import inline_policy
from cdk_app.constructs.platform.workflows import integration
from cdk_app.permissions import allow, allow_metrics
from cdk_app.settings.retraining import Retraining as Settings
from cdk_app.source_revision import code_commit
from stresswatch.retraining.tracking import TRACKING_ADDRESS
from stresswatch.storage.prefixes import ASSEMBLED_SETS, TRAINING_OUTPUT

# Actions to record a run, without access to other runs.
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_sagemaker-mlflow.html
_TRACKING_ACTIONS = [
    "sagemaker-mlflow:CreateExperiment",
    "sagemaker-mlflow:CreateRun",
    "sagemaker-mlflow:GetExperimentByName",
    "sagemaker-mlflow:GetRun",
    "sagemaker-mlflow:LogBatch",
    "sagemaker-mlflow:UpdateRun",
]
_APP_ACTION = "sagemaker:CallMlflowAppApi"
"""The whole API of an MLflow app, which has no finer permissions."""


class TrainingJob:
    """Training set in S3 → container on SageMaker → model in S3.

    Attributes
    ----------
    longest_minutes : int
    """

    def __init__(self, scope: Construct, foundation: Foundation):
        self._scope = scope
        self._stage = foundation.stage.name
        self._settings = foundation.stage.retraining
        self._storage = foundation.storage
        context = image_context("training_jobs/model")
        self._image = ecr_assets.DockerImageAsset(
            scope,
            "TrainingImage",
            directory=context.directory,
            file="training_jobs/model/Dockerfile",
            exclude=context.exclude,
            ignore_mode=IgnoreMode.DOCKER,
            platform=ecr_assets.Platform.LINUX_AMD64,
        )
        self._role = self._make_role()

    def state(self) -> sfn.CustomState:
        """Return the state that starts the job and waits for its end."""
        # A custom state, as the construct's task supports neither tags nor an existing role.
        settings, storage = self._settings, self._storage
        key_id = storage.key.key_arn
        return sfn.CustomState(
            self._scope,
            "TrainModel",
            state_json={
                "Type": "Task",
                "Resource": integration(self._scope, "sagemaker", "createTrainingJob.sync"),
                "Parameters": {
                    "TrainingJobName.$": (
                        "States.Format('{}-{}', $.dataset.version, $.attempt.number)"
                    ),
                    "RoleArn": self._role.role_arn,
                    "AlgorithmSpecification": {
                        "TrainingImage": self._image.image_uri,
                        "TrainingInputMode": "File",
                    },
                    "HyperParameters": {
                        "pipeline": settings.pipeline,
                        "k": str(settings.selected_features),
                        "seed": str(settings.seed),
                        "search_seconds": str(settings.search_seconds),
                        "experiment": settings.tracking_experiment,
                        "version.$": "$.dataset.version",
                        "parent.$": "$.dataset.parent",
                        "dataset_sha256.$": "$.dataset.dataset_sha256",
                        "code_commit": code_commit(),
                    },
                    "InputDataConfig": [
                        {
                            "ChannelName": "train",
                            "DataSource": {
                                "S3DataSource": {
                                    "S3DataType": "S3Prefix",
                                    "S3DataDistributionType": "FullyReplicated",
                                    "S3Uri.$": "$.dataset.dataset_uri",
                                }
                            },
                        }
                    ],
                    "OutputDataConfig": {
                        "S3OutputPath": storage.training.s3_url_for_object(TRAINING_OUTPUT),
                        "KmsKeyId": key_id,
                    },
                    "ResourceConfig": {
                        "InstanceCount": 1,
                        "InstanceType": settings.training_instance_type,
                        "VolumeSizeInGB": settings.training_volume_gb,
                        **({} if settings.trains_on_local_disk else {"VolumeKmsKeyId": key_id}),
                    },
                    **_tracking(settings),
                    "EnableManagedSpotTraining": settings.training_on_spot,
                    "StoppingCondition": {
                        "MaxRuntimeInSeconds": settings.training_maximum_minutes * 60,
                        **self._wait_for_spot(),
                    },
                    "Tags": [{"Key": "stage", "Value": self._stage}],
                },
                "ResultPath": "$.training",
            },
        )

    def grant_start(self, role: iam.Role) -> None:
        """Allow starting, following and stopping the job."""
        stack = Stack.of(self._scope)
        jobs = stack.format_arn(service="sagemaker", resource="training-job", resource_name="v*")
        allow(
            role,
            [
                "sagemaker:AddTags",
                "sagemaker:CreateTrainingJob",
                "sagemaker:DescribeTrainingJob",
                "sagemaker:ListTags",
                "sagemaker:StopTrainingJob",
            ],
            [jobs],
            pattern_because="A job is named after its version when it starts.",
        )
        allow(
            role,
            ["iam:PassRole"],
            [self._role.role_arn],
            {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        )
        # A rule that Step Functions manages notifies it of the job's end.
        allow(
            role,
            ["events:DescribeRule", "events:PutRule", "events:PutTargets"],
            [
                stack.format_arn(
                    service="events",
                    resource="rule",
                    resource_name="StepFunctionsGetEventsForSageMakerTrainingJobsRule",
                )
            ],
        )

    @property
    def longest_minutes(self) -> int:
        """Minutes until a job ends: the wait for spot capacity may double the time."""
        settings = self._settings
        return settings.training_maximum_minutes * (2 if settings.training_on_spot else 1)

    def _make_role(self) -> iam.Role:
        role = iam.Role(
            self._scope, "TrainingRole", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com")
        )
        inline_policy(role)
        storage, stack = self._storage, Stack.of(self._scope)
        storage.grant_list(role, storage.training, ASSEMBLED_SETS)
        storage.grant_read(role, storage.training, ASSEMBLED_SETS)
        storage.grant_write(role, storage.training, TRAINING_OUTPUT)
        # SageMaker requires it if a job's OutputDataConfig names a key.
        allow(role, ["kms:Encrypt"], [storage.key.key_arn])
        if not self._settings.trains_on_local_disk:
            # For the volume: SageMaker lets EC2 use the key while the job runs.
            allow(
                role,
                ["kms:CreateGrant"],
                [storage.key.key_arn],
                {"Bool": {"kms:GrantIsForAWSResource": "true"}},
            )
        allow(
            role,
            [
                "ecr:BatchCheckLayerAvailability",
                "ecr:BatchGetImage",
                "ecr:GetDownloadUrlForLayer",
            ],
            [self._image.repository.repository_arn],
        )
        allow(
            role,
            ["ecr:GetAuthorizationToken"],
            ["*"],
            pattern_because="ecr:GetAuthorizationToken lacks resource-level permissions.",
        )
        job_logs = stack.format_arn(
            service="logs",
            resource="log-group",
            resource_name="/aws/sagemaker/TrainingJobs*",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        allow(
            role,
            [
                "logs:CreateLogGroup",
                "logs:CreateLogStream",
                "logs:DescribeLogStreams",
                "logs:PutLogEvents",
            ],
            [job_logs],
            pattern_because="SageMaker names its jobs' log groups and streams.",
        )
        allow_metrics(role, "/aws/sagemaker/TrainingJobs")
        if arn := self._settings.tracking_arn:
            is_app = ":mlflow-app/" in arn
            allow(role, [*_TRACKING_ACTIONS, *([_APP_ACTION] if is_app else [])], [arn])
        return role

    def _wait_for_spot(self) -> dict[str, int]:
        if not self._settings.training_on_spot:
            return {}
        return {"MaxWaitTimeInSeconds": self.longest_minutes * 60}


def _tracking(settings: Settings) -> dict[str, object]:
    """Return the properties of a job for MLflow's address and network, or none."""
    if settings.tracking_uri is None:
        return {"EnableNetworkIsolation": True}
    return {
        "EnableNetworkIsolation": False,
        "Environment": {TRACKING_ADDRESS: settings.tracking_uri},
    }
