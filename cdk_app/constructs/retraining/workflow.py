"""The retraining workflow: admission, data set, training, gate, shadow, approval, promotion."""

from __future__ import annotations

import subprocess

from aws_cdk import ArnFormat, Duration, IgnoreMode, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from cdk_app.acknowledgements import acknowledge_wildcards
from cdk_app.bundling import PROJECT, image_context
from cdk_app.constructs.platform.dead_letters import DeadLetters
from cdk_app.constructs.platform.functions import (
    Functions,
    inline_policy,
    invoked_in_step,
    role_of,
)
from cdk_app.constructs.platform.identity_secret import IdentityKey
from cdk_app.constructs.platform.journal import Journal
from cdk_app.constructs.platform.model_pointers import Champion
from cdk_app.constructs.platform.notifications import Notifications
from cdk_app.constructs.platform.schedules import Schedule
from cdk_app.constructs.platform.storage import ASSEMBLED_SETS, Storage
from cdk_app.constructs.platform.workflows import (
    RETRAINING,
    allow_executions,
    integration,
    workflow,
    workflow_role,
)
from cdk_app.constructs.retraining.model_registry import ModelRegistry
from cdk_app.permissions import allow, allow_metrics
from cdk_app.stages import Stage
from stresswatch.retraining.journal import APPROVAL, BARRED, LEASE
from stresswatch.retraining.triggers import SCHEDULE

# What a run's record takes, and nothing that reads or deletes another's.
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
"""An MLflow app's API as a whole: no finer permission exists for an app."""
_OUT_OF_CAPACITY = (
    "*CapacityError: Unable to provision*",
    "*MaxWaitTimeExceeded*",
    "*service limit*current utilization of *",
)
"""What a job ends with that got no instance: none was free, no spot in time, the quota was used."""
_QUOTA_IS_TOO_SMALL = "*current utilization of 0 *"
"""How SageMaker says that a quota is too small although nothing uses it: waiting changes nothing.

https://github.com/aws/sagemaker-python-sdk/issues/35
"""


class Retraining(Construct):
    """Admit → build data set → train → gate → shadow → approve → promote or not → notify."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        stage: Stage,
        functions: Functions,
        storage: Storage,
        champion: Champion,
        identity: IdentityKey,
        journal: Journal,
        notifications: Notifications,
        registry: ModelRegistry | None,
    ):
        super().__init__(scope, id)
        self._stage = stage
        self._storage = storage
        self._identity = identity
        self._journal = journal
        self._notifications = notifications
        self._image = ecr_assets.DockerImageAsset(
            self,
            "TrainingImage",
            directory=str(PROJECT),
            file="training_jobs/stress_model/Dockerfile",
            exclude=image_context("training_jobs/stress_model", "layers/stresswatch/python"),
            ignore_mode=IgnoreMode.DOCKER,
            platform=ecr_assets.Platform.LINUX_AMD64,
        )
        self._training_role = self._make_training_role()
        self.functions = {
            "admission": self._admission_function(functions),
            "dataset": self._dataset_function(functions, champion),
            "gate": self._gate_function(functions, champion),
            "shadow": self._shadow_function(functions, champion),
            "compare": self._compare_function(functions, champion),
            "approval": self._approval_function(functions),
            "promote": self._promote_function(functions, champion),
            "notify": self._notify_function(functions),
        }
        for function in self.functions.values():
            invoked_in_step(function, "the workflow waits for it, and tells people if it fails.")
        if registry:
            self.functions["registry"] = registry.function
        self.state_machine = self._state_machine()

    def start_on_alarm(
        self, alarm: cloudwatch.Alarm, trigger: str, dead_letters: DeadLetters
    ) -> None:
        """Start a retraining when an alarm begins to fire."""
        events.Rule(
            self,
            f"On{trigger.title().replace('_', '')}",
            description=f"Starts a retraining when the {trigger.replace('_', ' ')} begins to fire",
            event_pattern=events.EventPattern(
                source=["aws.cloudwatch"],
                detail_type=["CloudWatch Alarm State Change"],
                resources=[alarm.alarm_arn],
                detail={"state": {"value": ["ALARM"]}},
            ),
            targets=[
                self._started(
                    trigger, events.EventField.from_path("$.detail.state.reason"), dead_letters
                )
            ],
        )

    def start_on_schedule(self, dead_letters: DeadLetters) -> None:
        """Start a retraining at the stage's times, if it has any."""
        if not self._stage.retraining_schedule:
            return
        Schedule(
            self,
            "OnSchedule",
            description="Starts a retraining, which is declined unless enough labels are new",
            expression=self._stage.retraining_schedule,
            action="states:StartExecution",
            target_arn=self.state_machine.state_machine_arn,
            input={"trigger": SCHEDULE, "reason": self._stage.retraining_schedule},
            retries=3,
            dead_letters=dead_letters,
        )

    def _started(
        self, trigger: str, reason: str, dead_letters: DeadLetters
    ) -> targets.SfnStateMachine:
        target = targets.SfnStateMachine(
            self.state_machine,
            input=events.RuleTargetInput.from_object({"trigger": trigger, "reason": reason}),
            dead_letter_queue=dead_letters.of_rules,
            retry_attempts=3,
        )
        inline_policy(self.state_machine.node.find_child("EventsRole"))
        return target

    def _admission_function(self, functions: Functions) -> lambda_.Function:
        function = functions.zip_function(
            self,
            "admission",
            memory_mb=512,
            timeout=Duration.seconds(30),
            concurrency=self._stage.other_concurrency,
            environment={
                "JOURNAL_TABLE": self._journal.table.table_name,
                "COOL_DOWN_MINUTES": str(self._stage.retraining_cool_down_minutes),
            },
        )
        role = role_of(function)
        self._journal.grant_read(role, LEASE)
        self._journal.grant_write(role, LEASE)
        allow_executions(role, self._stage, RETRAINING, "states:DescribeExecution")
        return function

    def _shadow_function(self, functions: Functions, champion: Champion) -> lambda_.Function:
        function = functions.zip_function(
            self,
            "shadow",
            memory_mb=512,
            timeout=Duration.seconds(30),
            concurrency=self._stage.other_concurrency,
            environment={
                "SHADOW_PARAMETER": champion.shadow.parameter_name,
                "CHAMPION_TTL_SECONDS": str(self._stage.champion_ttl_seconds),
            },
        )
        role = role_of(function)
        champion.grant_move_shadow(role)
        self._storage.grant_read(role, self._storage.models, "models/")
        return function

    def _compare_function(self, functions: Functions, champion: Champion) -> lambda_.Function:
        storage = self._storage
        function = functions.zip_function(
            self,
            "compare",
            memory_mb=3008,
            timeout=Duration.minutes(15),
            concurrency=self._stage.other_concurrency,
            environment={
                "ARCHIVE_BUCKET": storage.archive.bucket_name,
                "TRAINING_BUCKET": storage.training.bucket_name,
                "MODEL_BUCKET": storage.models.bucket_name,
                "CHAMPION_PARAMETER": champion.pointer.parameter_name,
                "IDENTITY_SECRET": self._identity.secret_arn,
                "GATE_RULES": self._stage.gate.to_json(),
            },
        )
        role = role_of(function)
        champion.grant_read(role)
        self._identity.grant_read(role)
        for bucket, prefixes in (
            (storage.archive, ("predictions/", "shadow/")),
            (storage.training, ("labels/", ASSEMBLED_SETS)),
        ):
            storage.grant_list(role, bucket, *prefixes)
            storage.grant_read(role, bucket, *prefixes)
        storage.grant_write(role, storage.models, "models/")
        return function

    def _approval_function(self, functions: Functions) -> lambda_.Function:
        function = functions.zip_function(
            self,
            "approval",
            memory_mb=512,
            timeout=Duration.seconds(30),
            concurrency=self._stage.other_concurrency,
            environment={
                "JOURNAL_TABLE": self._journal.table.table_name,
                "APPROVAL_HOURS": str(self._stage.approval_hours),
            },
        )
        self._journal.grant_write(role_of(function), APPROVAL)
        return function

    def _dataset_function(self, functions: Functions, champion: Champion) -> lambda_.Function:
        storage = self._storage
        function = functions.zip_function(
            self,
            "dataset",
            memory_mb=1024,
            timeout=Duration.minutes(5),
            concurrency=self._stage.other_concurrency,
            environment={
                "TRAINING_BUCKET": storage.training.bucket_name,
                "MODEL_BUCKET": storage.models.bucket_name,
                "CHAMPION_PARAMETER": champion.pointer.parameter_name,
                "MINIMUM_NEW_LABELS": str(self._stage.minimum_new_labels),
            },
        )
        role = role_of(function)
        champion.grant_read(role)
        storage.grant_list(role, storage.models, "models/")
        storage.grant_list(role, storage.training, "datasets/base/", "labels/")
        storage.grant_read(role, storage.training, "datasets/base/", "labels/", ASSEMBLED_SETS)
        storage.grant_write(role, storage.training, ASSEMBLED_SETS)
        return function

    def _gate_function(self, functions: Functions, champion: Champion) -> lambda_.Function:
        storage = self._storage
        function = functions.zip_function(
            self,
            "gate",
            memory_mb=1769,
            timeout=Duration.minutes(5),
            concurrency=self._stage.other_concurrency,
            environment={
                "MODEL_BUCKET": storage.models.bucket_name,
                "CHAMPION_PARAMETER": champion.pointer.parameter_name,
                "GATE_RULES": self._stage.gate.to_json(),
                "SHADOW_SECONDS": str(self._stage.shadow_minutes * 60),
                "REQUIRES_APPROVAL": str(self._stage.requires_approval).lower(),
            },
        )
        role = role_of(function)
        champion.grant_read(role)
        storage.grant_list(role, storage.training, ASSEMBLED_SETS)
        storage.grant_list(role, storage.models, "models/")
        storage.grant_read(role, storage.training, ASSEMBLED_SETS, "training-output/")
        storage.grant_read(role, storage.models, "models/")
        storage.grant_write(role, storage.models, "models/")
        return function

    def _promote_function(self, functions: Functions, champion: Champion) -> lambda_.Function:
        function = functions.zip_function(
            self,
            "promote",
            memory_mb=512,
            timeout=Duration.seconds(30),
            concurrency=self._stage.other_concurrency,
            environment={
                "CHAMPION_PARAMETER": champion.pointer.parameter_name,
                "JOURNAL_TABLE": self._journal.table.table_name,
            },
        )
        role = role_of(function)
        self._journal.grant_read(role, BARRED)
        champion.grant_read(role)
        champion.grant_move(role)
        self._storage.grant_read(role, self._storage.models, "models/")
        return function

    def _notify_function(self, functions: Functions) -> lambda_.Function:
        function = functions.zip_function(
            self,
            "notify",
            memory_mb=512,
            timeout=Duration.seconds(30),
            concurrency=self._stage.other_concurrency,
            environment={
                "TOPIC_ARN": self._notifications.topic.topic_arn,
                "APPROVAL_HOURS": str(self._stage.approval_hours),
            },
        )
        self._notifications.grant_publish(role_of(function))
        return function

    def _make_training_role(self) -> iam.Role:
        role = iam.Role(
            self, "TrainingRole", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com")
        )
        inline_policy(role)
        storage, stack = self._storage, Stack.of(self)
        storage.grant_list(role, storage.training, ASSEMBLED_SETS)
        storage.grant_read(role, storage.training, ASSEMBLED_SETS)
        storage.grant_write(role, storage.training, "training-output/")
        # SageMaker asks it of the role of a job whose OutputDataConfig names a key.
        allow(role, ["kms:Encrypt"], [storage.key.key_arn])
        if not self._stage.trains_on_local_disk:
            # The volume's: SageMaker lets EC2 use the key for as long as the job runs.
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
            pattern_because="ecr:GetAuthorizationToken has no resource-level permission.",
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
            pattern_because="SageMaker names the log groups and streams of its jobs.",
        )
        allow_metrics(role, "/aws/sagemaker/TrainingJobs")
        if arn := self._stage.tracking_arn:
            is_app = ":mlflow-app/" in arn
            allow(role, [*_TRACKING_ACTIONS, *([_APP_ACTION] if is_app else [])], [arn])
        return role

    def _state_machine(self) -> sfn.StateMachine:
        ended = sfn.Fail(self, "Failed", cause_path="States.JsonToString($.error)")
        self._untold = self._publish_plainly().next(ended)
        failed = self._notify("NotifyFailed", "A retraining failed").next(ended)
        admit = self._invoke(
            "Admit",
            "$.admission",
            {
                "execution": sfn.JsonPath.string_at("$$.Execution.Id"),
                "request": sfn.JsonPath.object_at("$"),
            },
            name="admission",
        )
        build = self._invoke("BuildDataSet", "$.dataset", name="dataset")
        train = self._train()
        judge = self._invoke(
            "Gate",
            "$.gate",
            {
                "version": sfn.JsonPath.string_at("$.dataset.version"),
                "dataset_uri": sfn.JsonPath.string_at("$.dataset.dataset_uri"),
                "training": sfn.JsonPath.object_at("$.training"),
            },
        )
        promote = self._invoke("Promote", "$.promotion")
        for step in (admit, build, judge, promote):
            step.add_catch(failed, errors=["States.ALL"], result_path="$.error")
        train.add_catch(
            self._try_again(train, failed), errors=["States.ALL"], result_path="$.error"
        )
        rejected = self._notify("NotifyRejected", "A challenger was rejected; the champion stays")
        accepted = promote.next(self._notify("NotifyPromoted", "A new champion serves"))
        approved = (
            sfn.Choice(self, "NeedsApproval?")
            .when(
                sfn.Condition.boolean_equals("$.gate.requires_approval", True),
                self._approve(accepted, rejected, failed),
            )
            .otherwise(accepted)
        )
        shadowed = (
            sfn.Choice(self, "Shadows?")
            .when(
                sfn.Condition.number_greater_than("$.gate.shadow_seconds", 0),
                self._shadow(approved, rejected, failed),
            )
            .otherwise(approved)
        )
        judged = (
            sfn.Choice(self, "Accepted?")
            .when(sfn.Condition.boolean_equals("$.gate.accepted", True), shadowed)
            .otherwise(rejected)
        )
        if "registry" in self.functions:
            register = self._invoke(
                "Register",
                sfn.JsonPath.DISCARD,
                {"version": sfn.JsonPath.string_at("$.gate.version")},
                name="registry",
            )
            register.add_catch(failed, errors=["States.ALL"], result_path="$.error")
            judge.next(register).next(judged)
        else:
            judge.next(judged)
        trained = self._pass("FirstAttempt", "$.attempt", {"number": 1}).next(train).next(judge)
        assembled = (
            sfn.Choice(self, "EnoughNewLabels?")
            .when(sfn.Condition.is_null("$.dataset.declined"), trained)
            .when(
                sfn.Condition.and_(
                    sfn.Condition.is_present("$.trigger"),
                    sfn.Condition.string_equals("$.trigger", SCHEDULE),
                ),
                sfn.Succeed(self, "Declined"),
            )
            .otherwise(self._notify("NotifyDeclined", "A retraining waits for labels"))
        )
        admitted = (
            sfn.Choice(self, "Admitted?")
            .when(sfn.Condition.boolean_equals("$.admission.admitted", True), build.next(assembled))
            .otherwise(sfn.Succeed(self, "Suppressed"))
        )
        return workflow(
            self,
            self._stage,
            RETRAINING,
            self._workflow_role(),
            admit.next(admitted),
            self._storage.key,
            timeout=self._longest_run(),
        )

    def _workflow_role(self) -> iam.Role:
        role = workflow_role(self)
        self._notifications.grant_publish(role)
        self._grant_training(role)
        acknowledge_wildcards(
            role,
            [f"{function.function_arn}:*" for function in self.functions.values()],
            "CDK's task allows the versions of the function that it invokes.",
        )
        return role

    def _try_again(self, train: sfn.CustomState, failed: sfn.IChainable) -> sfn.Choice:
        """Wait and train once more if AWS had no instance; a job's name cannot be used twice."""
        is_out_of_capacity = [
            sfn.Condition.string_matches("$.error.Cause", pattern) for pattern in _OUT_OF_CAPACITY
        ]
        again = (
            sfn.Wait(
                self,
                "WaitForCapacity",
                time=sfn.WaitTime.duration(Duration.minutes(self._stage.capacity_wait_minutes)),
            )
            .next(
                self._pass(
                    "NextAttempt",
                    "$.attempt",
                    {
                        "number": sfn.JsonPath.math_add(
                            sfn.JsonPath.number_at("$.attempt.number"), 1
                        )
                    },
                )
            )
            .next(train)
        )
        return (
            sfn.Choice(self, "OutOfCapacity?")
            .when(
                sfn.Condition.and_(
                    sfn.Condition.is_present("$.error.Cause"),
                    sfn.Condition.number_less_than(
                        "$.attempt.number", self._stage.training_attempts
                    ),
                    sfn.Condition.not_(
                        sfn.Condition.string_matches("$.error.Cause", _QUOTA_IS_TOO_SMALL)
                    ),
                    sfn.Condition.or_(*is_out_of_capacity),
                ),
                again,
            )
            .otherwise(failed)
        )

    def _shadow(
        self, approved: sfn.IChainable, rejected: sfn.IChainable, failed: sfn.IChainable
    ) -> sfn.Chain:
        """Let the challenger score live posts beside the champion, and judge what it said."""
        begin = self._invoke(
            "Shadow",
            "$.shadow",
            {
                "version": sfn.JsonPath.string_at("$.gate.version"),
                "uri": sfn.JsonPath.string_at("$.gate.uri"),
                "sha256": sfn.JsonPath.string_at("$.gate.sha256"),
                "seconds": sfn.JsonPath.number_at("$.gate.shadow_seconds"),
            },
        )
        compare = self._invoke(
            "Compare",
            "$.comparison",
            {
                "version": sfn.JsonPath.string_at("$.gate.version"),
                "parent": sfn.JsonPath.string_at("$.gate.parent"),
                "start": sfn.JsonPath.string_at("$.shadow.start"),
                "end": sfn.JsonPath.string_at("$.shadow.end"),
            },
        )
        for step in (begin, compare):
            step.add_catch(failed, errors=["States.ALL"], result_path="$.error")
        return (
            begin.next(
                sfn.Wait(self, "WhileItShadows", time=sfn.WaitTime.timestamp_path("$.shadow.end"))
            )
            # What the champion said last, the challenger says a moment later.
            .next(sfn.Wait(self, "LastBatches", time=sfn.WaitTime.duration(Duration.seconds(5))))
            .next(compare)
            .next(
                sfn.Choice(self, "StillAccepted?")
                .when(sfn.Condition.boolean_equals("$.comparison.accepted", True), approved)
                .otherwise(rejected)
            )
        )

    def _approve(
        self, accepted: sfn.IChainable, rejected: sfn.IChainable, failed: sfn.IChainable
    ) -> sfn.Chain:
        """Promote on a person's word; without one in time the champion stays."""
        wait = tasks.LambdaInvoke(
            self,
            "AwaitApproval",
            lambda_function=self.functions["approval"],
            integration_pattern=sfn.IntegrationPattern.WAIT_FOR_TASK_TOKEN,
            payload=sfn.TaskInput.from_object(
                {
                    "version": sfn.JsonPath.string_at("$.gate.version"),
                    "execution": sfn.JsonPath.string_at("$$.Execution.Id"),
                    "token": sfn.JsonPath.task_token,
                }
            ),
            task_timeout=sfn.Timeout.duration(Duration.hours(self._stage.approval_hours)),
            result_path="$.approval",
        )
        wait.add_catch(rejected, errors=["States.Timeout"], result_path="$.approval")
        wait.add_catch(failed, errors=["States.ALL"], result_path="$.error")
        return (
            self._notify("NotifyAwaitingApproval", "A challenger waits for your word", asks=True)
            .next(wait)
            .next(
                sfn.Choice(self, "Approved?")
                .when(sfn.Condition.boolean_equals("$.approval.approved", True), accepted)
                .otherwise(rejected)
            )
        )

    def _longest_run(self) -> Duration:
        stage = self._stage
        trainings = stage.training_attempts * (
            self._longest_job_minutes + stage.capacity_wait_minutes
        )
        return Duration.minutes(trainings + stage.shadow_minutes + stage.approval_hours * 60 + 60)

    @property
    def _longest_job_minutes(self) -> int:
        """Spot instances may be waited for as long again as the training may take."""
        return self._stage.training_maximum_minutes * (2 if self._stage.training_on_spot else 1)

    def _pass(self, id: str, result_path: str, parameters: dict[str, object]) -> sfn.Pass:
        return sfn.Pass(self, id, parameters=parameters, result_path=result_path)

    def _invoke(
        self,
        id: str,
        result_path: str,
        payload: dict[str, object] | None = None,
        *,
        name: str | None = None,
    ) -> tasks.LambdaInvoke:
        """Invoke a function with a payload, or with the state's whole input."""
        return tasks.LambdaInvoke(
            self,
            id,
            lambda_function=self.functions[name or id.lower()],
            payload=sfn.TaskInput.from_object(payload) if payload else None,
            payload_response_only=True,
            result_path=result_path,
        )

    def _train(self) -> sfn.CustomState:
        # A custom state, as the construct's task knows neither tags nor a role of its own making.
        stage, training = self._stage, self._storage.training
        key_id = self._storage.key.key_arn
        return sfn.CustomState(
            self,
            "TrainModel",
            state_json={
                "Type": "Task",
                "Resource": integration(self, "sagemaker", "createTrainingJob.sync"),
                "Parameters": {
                    "TrainingJobName.$": (
                        "States.Format('{}-{}', $.dataset.version, $.attempt.number)"
                    ),
                    "RoleArn": self._training_role.role_arn,
                    "AlgorithmSpecification": {
                        "TrainingImage": self._image.image_uri,
                        "TrainingInputMode": "File",
                    },
                    "HyperParameters": {
                        "k": str(stage.k),
                        "seed": str(stage.seed),
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
                        "S3OutputPath": training.s3_url_for_object("training-output/"),
                        "KmsKeyId": key_id,
                    },
                    "ResourceConfig": {
                        "InstanceCount": 1,
                        "InstanceType": stage.training_instance_type,
                        "VolumeSizeInGB": stage.training_volume_gb,
                        **({} if stage.trains_on_local_disk else {"VolumeKmsKeyId": key_id}),
                    },
                    **_tracking(stage),
                    "EnableManagedSpotTraining": stage.training_on_spot,
                    "StoppingCondition": {
                        "MaxRuntimeInSeconds": stage.training_maximum_minutes * 60,
                        **self._wait_for_spot(),
                    },
                    "Tags": [{"Key": "stage", "Value": stage.name}],
                },
                "ResultPath": "$.training",
            },
        )

    def _wait_for_spot(self) -> dict[str, int]:
        if not self._stage.training_on_spot:
            return {}
        return {"MaxWaitTimeInSeconds": self._longest_job_minutes * 60}

    def _grant_training(self, role: iam.Role) -> None:
        stack = Stack.of(self)
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
            pattern_because="A job is named after its version when it is started.",
        )
        allow(
            role,
            ["iam:PassRole"],
            [self._training_role.role_arn],
            {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        )
        # Step Functions hears of the job's end through a rule that it manages itself.
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

    def _notify(self, id: str, subject: str, *, asks: bool = False) -> tasks.LambdaInvoke:
        """Tell people in words; where that fails, what failed is published as it is."""
        tell = self._invoke(
            id,
            sfn.JsonPath.DISCARD,
            {
                "subject": f"Stresswatch {self._stage.name}: {subject}",
                "asks": asks,
                "execution": sfn.JsonPath.string_at("$$.Execution.Name"),
                "state": sfn.JsonPath.object_at("$"),
            },
            name="notify",
        )
        tell.add_catch(self._untold, errors=["States.ALL"], result_path="$.error")
        return tell

    def _publish_plainly(self) -> tasks.SnsPublish:
        return tasks.SnsPublish(
            self,
            "NotifyPlainly",
            topic=self._notifications.topic,
            subject=f"Stresswatch {self._stage.name}: A retraining's outcome could not be told",
            message=sfn.TaskInput.from_object(
                {
                    "execution": sfn.JsonPath.string_at("$$.Execution.Name"),
                    "error": sfn.JsonPath.object_at("$.error"),
                }
            ),
            result_path=sfn.JsonPath.DISCARD,
        )


def _tracking(stage: Stage) -> dict[str, object]:
    """Give the job MLflow's address and the network to reach it, or neither."""
    if stage.tracking_uri is None:
        return {"EnableNetworkIsolation": True}
    return {
        "EnableNetworkIsolation": False,
        "Environment": {"MLFLOW_TRACKING_URI": stage.tracking_uri},
    }


def code_commit() -> str:
    """Give the commit of the code that is deployed; ``unknown`` outside a git checkout."""
    done = subprocess.run(
        ["git", "-C", str(PROJECT), "rev-parse", "HEAD"],  # noqa: S607 - the developer's own git
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or "unknown"
