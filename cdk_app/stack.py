"""The stack: what is composed of what. It reads like the picture in the README."""

from __future__ import annotations

from aws_cdk import CfnOutput, Stack
from constructs import Construct

from cdk_app.constructs.monitoring.dashboard import Dashboard
from cdk_app.constructs.monitoring.drift import Drift
from cdk_app.constructs.monitoring.live_quality import Quality
from cdk_app.constructs.monitoring.service_alarms import Observability
from cdk_app.constructs.platform.alarms import Alarms
from cdk_app.constructs.platform.dead_letters import DeadLetters
from cdk_app.constructs.platform.functions import Functions
from cdk_app.constructs.platform.identity_secret import IdentityKey
from cdk_app.constructs.platform.journal import Journal
from cdk_app.constructs.platform.model_pointers import Champion
from cdk_app.constructs.platform.notifications import Notifications
from cdk_app.constructs.platform.storage import Storage
from cdk_app.constructs.platform.streams import Streams
from cdk_app.constructs.platform.workflows import RETRAINING, SCORING
from cdk_app.constructs.querying.athena import Querying
from cdk_app.constructs.retraining.model_registry import ModelRegistry
from cdk_app.constructs.retraining.workflow import Retraining, code_commit
from cdk_app.constructs.serving.batch_scoring import Scoring
from cdk_app.constructs.serving.prediction import Prediction
from cdk_app.constructs.serving.web_service import WebService
from cdk_app.stages import Stage


class StresswatchStack(Stack):
    """One deployment of Stresswatch."""

    def __init__(self, scope: Construct, stage: Stage):
        super().__init__(
            scope,
            f"stresswatch-{stage.name}",
            description="Stress in social-media posts: served from a stream, watched, retrained",
            termination_protection=stage.retains_data,
        )
        storage = Storage(self, "Storage", stage)
        streams = Streams(self, "Streams", stage, storage.key)
        champion = Champion(self, "Champion", stage)
        identity = IdentityKey(self, "IdentityKey", stage, storage.key)
        journal = Journal(self, "Journal", stage, storage.key)
        notifications = Notifications(self, "Notifications", storage.key)
        alarms = Alarms(stage, notifications)
        functions = Functions(self, "Functions", stage, storage.key)
        dead_letters = DeadLetters(self, "DeadLetters", storage.key)
        prediction = Prediction(
            self, "Prediction", stage, functions, streams, storage, champion, identity
        )
        drift = Drift(
            self,
            "Drift",
            stage,
            functions,
            storage,
            champion,
            alarms,
            dead_letters,
            notifications,
        )
        quality = Quality(
            self, "Quality", stage, functions, storage, champion, identity, alarms, dead_letters
        )
        registry = (
            ModelRegistry(
                self,
                "ModelRegistry",
                stage,
                functions,
                storage,
                champion,
                journal,
                dead_letters,
            )
            if stage.registers_versions
            else None
        )
        retraining = Retraining(
            self,
            "Retraining",
            stage,
            functions,
            storage,
            champion,
            identity,
            journal,
            notifications,
            registry,
        )
        scoring = Scoring(self, "Scoring", stage, functions, storage)
        retraining.start_on_alarm(drift.alarm, "drift_alarm", dead_letters)
        retraining.start_on_alarm(quality.alarm, "quality_alarm", dead_letters)
        retraining.start_on_schedule(dead_letters)
        web = stage.web_service and WebService(
            self, "WebService", stage, stage.web_service, functions, storage, champion, alarms
        )
        observability = Observability(
            self,
            "Observability",
            stage,
            alarms,
            storage,
            dead_letters,
            prediction.function,
            {
                "predictor": prediction.function,
                "drift": drift.function,
                "quality": quality.function,
                **({"api": web.function} if web else {}),
                "scoring": scoring.function,
                **retraining.functions,
            },
            {RETRAINING: retraining.state_machine, SCORING: scoring.state_machine},
        )
        functions.tell_reserved_concurrency()
        if prediction.release:
            prediction.release.watch(alarms, prediction.failure)
        if web and web.release:
            web.release.watch(alarms, web.failure)
        querying = Querying(self, "Querying", stage, storage)
        outputs = self._outputs(
            PostsStreamName=streams.posts.stream_name,
            PredictionsStreamName=streams.predictions.stream_name,
            ArchiveBucketName=storage.archive.bucket_name,
            TrainingBucketName=storage.training.bucket_name,
            ModelBucketName=storage.models.bucket_name,
            QuarantineBucketName=storage.quarantine.bucket_name,
            JournalTableName=journal.table.table_name,
            ChampionParameterName=champion.pointer.parameter_name,
            ShadowParameterName=champion.shadow.parameter_name,
            RetrainingStateMachineArn=retraining.state_machine.state_machine_arn,
            NotificationTopicArn=notifications.topic.topic_arn,
            DriftAlarmName=drift.alarm.alarm_name,
            DriftFunctionName=drift.function.function_name,
            QualityFunctionName=quality.function.function_name,
            QualityAlarmName=quality.alarm.alarm_name,
            PredictorFunctionName=prediction.function.function_name,
            ScoringStateMachineArn=scoring.state_machine.state_machine_arn,
            ScoringPartBytes=str(stage.scoring_part_mb * 1_000_000),
            QueryDatabaseName=querying.database.ref,
            QueryWorkgroupName=querying.workgroup.ref,
            FailedBatchesQueueName=observability.failed_batches.queue_name,
            DeadLettersQueueName=dead_letters.queue.queue_name,
        )
        Dashboard(self, "Dashboard", {"Stage": stage.name, **outputs}, alarms)
        self._outputs(CodeCommit=code_commit())
        if web:
            self._outputs(WebServiceUrl=web.api.api_endpoint, WebServiceApiId=web.api.api_id)

    def _outputs(self, **values: str) -> dict[str, str]:
        for name, value in values.items():
            CfnOutput(self, name, value=value)
        return values
