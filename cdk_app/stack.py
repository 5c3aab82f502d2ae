"""The stack: what is composed of what. It reads like the picture in the README."""

from __future__ import annotations

from aws_cdk import CfnOutput, Stack
from constructs import Construct

from cdk_app.constructs.monitoring.dashboard import Dashboard
from cdk_app.constructs.monitoring.drift import DriftMonitor
from cdk_app.constructs.monitoring.live_quality import LiveQuality
from cdk_app.constructs.monitoring.service_alarms import ServiceAlarms
from cdk_app.constructs.platform.foundation import Foundation
from cdk_app.constructs.platform.workflows import RETRAINING, SCORING
from cdk_app.constructs.querying.athena import Querying
from cdk_app.constructs.retraining.model_registry import ModelRegistry
from cdk_app.constructs.retraining.workflow import Retraining
from cdk_app.constructs.serving.batch_scoring import BatchScoring
from cdk_app.constructs.serving.prediction import Prediction
from cdk_app.constructs.serving.web_service import WebService
from cdk_app.settings.stage import Stage
from cdk_app.source_revision import code_commit
from stresswatch.monitoring import dimension_names


class StresswatchStack(Stack):
    """One deployment of Stresswatch."""

    def __init__(self, scope: Construct, stage: Stage):
        super().__init__(
            scope,
            f"stresswatch-{stage.name}",
            description="Stress in social-media posts: served from a stream, watched, retrained",
            termination_protection=stage.retains_data,
        )
        self._foundation = foundation = Foundation.make(self, stage)
        self._prediction = Prediction(self, "Prediction", foundation)
        self._drift = DriftMonitor(self, "Drift", foundation)
        self._quality = LiveQuality(self, "Quality", foundation)
        registry = (
            ModelRegistry(self, "ModelRegistry", foundation)
            if stage.retraining.registers_versions
            else None
        )
        self._retraining = Retraining(
            self,
            "Retraining",
            foundation,
            alarms={"drift_alarm": self._drift.alarm, "quality_alarm": self._quality.alarm},
            registry=registry,
        )
        self._scoring = BatchScoring(self, "Scoring", foundation)
        self._web_service = (
            WebService(self, "WebService", foundation, stage.web_service)
            if stage.web_service
            else None
        )
        self._service_alarms = self._watch()
        self._querying = Querying(self, "Querying", foundation)
        foundation.functions.report_reserved_concurrency()
        outputs = self._outputs()
        Dashboard(
            self, "Dashboard", {dimension_names.STAGE: stage.name, **outputs}, foundation.alarms
        )
        self._output(outputs)
        self._output({"CodeCommit": code_commit()})
        if web := self._web_service:
            self._output({"WebServiceUrl": web.api.api_endpoint, "WebServiceApiId": web.api.api_id})

    def _watch(self) -> ServiceAlarms:
        """Make the alarms of what works, and those that move new code back."""
        functions = {
            "predictor": self._prediction.function,
            "drift": self._drift.function,
            "quality": self._quality.function,
            **({"api": self._web_service.function} if self._web_service else {}),
            "scoring": self._scoring.function,
            **self._retraining.functions,
        }
        workflows = {
            RETRAINING: self._retraining.state_machine,
            SCORING: self._scoring.state_machine,
        }
        service_alarms = ServiceAlarms(
            self,
            "Observability",
            self._foundation,
            self._prediction.function,
            functions,
            workflows,
        )
        for serving in (self._prediction, self._web_service):
            if serving and serving.canary:
                serving.canary.watch(serving.failure)
        return service_alarms

    def _outputs(self) -> dict[str, str]:
        """Return what the command, the dashboards and scripts find the stack's parts by."""
        foundation = self._foundation
        storage, streams, pointers = foundation.storage, foundation.streams, foundation.pointers
        return {
            "PostsStreamName": streams.posts.stream_name,
            "PredictionsStreamName": streams.predictions.stream_name,
            "ArchiveBucketName": storage.archive.bucket_name,
            "TrainingBucketName": storage.training.bucket_name,
            "ModelBucketName": storage.models.bucket_name,
            "QuarantineBucketName": storage.quarantine.bucket_name,
            "JournalTableName": foundation.journal.table.table_name,
            "ChampionParameterName": pointers.champion.parameter_name,
            "ShadowParameterName": pointers.shadow.parameter_name,
            "RetrainingStateMachineArn": self._retraining.state_machine.state_machine_arn,
            "NotificationTopicArn": foundation.notifications.topic.topic_arn,
            "DriftAlarmName": self._drift.alarm.alarm_name,
            "DriftFunctionName": self._drift.function.function_name,
            "QualityFunctionName": self._quality.function.function_name,
            "QualityAlarmName": self._quality.alarm.alarm_name,
            "PredictorFunctionName": self._prediction.function.function_name,
            "ScoringStateMachineArn": self._scoring.state_machine.state_machine_arn,
            "ScoringPartBytes": str(foundation.stage.scoring.part_mb * 1_000_000),
            "QueryDatabaseName": self._querying.database.ref,
            "QueryWorkgroupName": self._querying.workgroup.ref,
            "FailedBatchesQueueName": self._service_alarms.failed_batches.queue_name,
            "DeadLettersQueueName": foundation.dead_letters.queue.queue_name,
        }

    def _output(self, values: dict[str, str]) -> None:
        for name, value in values.items():
            CfnOutput(self, name, value=value)
