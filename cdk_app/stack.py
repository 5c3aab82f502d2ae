"""The stack and its parts, in the order of the diagram in the README."""

from __future__ import annotations

from aws_cdk import CfnOutput, Stack
from constructs import Construct

from cdk_app.constructs.monitoring.dashboard import Dashboard
from cdk_app.constructs.monitoring.drift import DriftMonitor
from cdk_app.constructs.monitoring.live_quality import LiveQuality
from cdk_app.constructs.monitoring.rate import Rate
from cdk_app.constructs.monitoring.service_alarms import ServiceAlarms
from cdk_app.constructs.monitoring.workflow import MonitoringWorkflow
from cdk_app.constructs.platform.foundation import Foundation
from cdk_app.constructs.platform.workflows import MONITORING, RETRAINING, SCORING
from cdk_app.constructs.querying.athena import Querying
from cdk_app.constructs.retraining.model_registry import ModelRegistry
from cdk_app.constructs.retraining.workflow import Retraining
from cdk_app.constructs.serving.batch_scoring import BatchScoring
from cdk_app.constructs.serving.prediction import Prediction
from cdk_app.constructs.serving.web_service import WebService
from cdk_app.settings.stage import Stage
from cdk_app.source_revision import code_commit
from stresswatch.aws import stack_outputs
from stresswatch.monitoring import dimension_names
from stresswatch.retraining import triggers
from stresswatch.task.definition import TASK


class StresswatchStack(Stack):
    """One deployment of Stresswatch."""

    def __init__(self, scope: Construct, stage: Stage):
        super().__init__(
            scope,
            stack_outputs.stack_name(stage.name),
            description=f"{TASK.title}: real-time serving, monitoring and retraining",
            termination_protection=stage.retains_data,
        )
        self._foundation = foundation = Foundation.make(self, stage)
        self._prediction = Prediction(self, "Prediction", foundation)
        self._drift = DriftMonitor(self, "Drift", foundation)
        self._querying = Querying(self, "Querying", foundation)
        self._quality = LiveQuality(self, "Quality", foundation, self._querying)
        self._rate = Rate(self, "Rate", foundation, self._querying)
        self._monitoring = MonitoringWorkflow(
            self,
            "Monitoring",
            foundation,
            self._drift.function,
            self._quality.function,
            self._rate.function,
        )
        registry = (
            ModelRegistry(self, "ModelRegistry", foundation)
            if stage.retraining.registers_versions
            else None
        )
        if not registry:
            foundation.dead_letters.take_from_no_function()
        self._retraining = Retraining(
            self,
            "Retraining",
            foundation,
            alarms={
                triggers.DRIFT_ALARM: self._drift.alarm,
                triggers.QUALITY_ALARM: self._quality.alarm,
            },
            registry=registry,
            monitoring=self._monitoring.state_machine,
            querying=self._querying,
        )
        self._scoring = BatchScoring(self, "Scoring", foundation)
        self._web_service = (
            WebService(self, "WebService", foundation, stage.web_service)
            if stage.web_service
            else None
        )
        self._service_alarms = self._watch()
        foundation.functions.report_reserved_concurrency()
        outputs = self._outputs()
        Dashboard(
            self, "Dashboard", {dimension_names.STAGE: stage.name, **outputs}, foundation.alarms
        )
        self._output(outputs)
        scorer = stage.serving.scorer.value
        self._output(
            {
                stack_outputs.CODE_COMMIT: code_commit(),
                stack_outputs.SCORER: scorer,
                stack_outputs.TASK: TASK.name,
                stack_outputs.TASK_DIGEST: TASK.digest,
            }
        )
        if queue := foundation.storage.label_queue:
            self._output({stack_outputs.LABEL_QUEUE_BUCKET: queue.bucket_name})
        if web := self._web_service:
            self._output(
                {
                    stack_outputs.WEB_SERVICE_URL: web.api.api_endpoint,
                    stack_outputs.WEB_SERVICE_API_ID: web.api.api_id,
                }
            )

    def _watch(self) -> ServiceAlarms:
        """Make the alarms of the service, and those that roll back new code."""
        functions = {
            "predictor": self._prediction.function,
            "drift": self._drift.function,
            "quality": self._quality.function,
            "rate": self._rate.function,
            **self._monitoring.functions,
            **({"api": self._web_service.function} if self._web_service else {}),
            "scoring": self._scoring.function,
            **self._retraining.functions,
        }
        workflows = {
            RETRAINING: self._retraining.state_machine,
            SCORING: self._scoring.state_machine,
            MONITORING: self._monitoring.state_machine,
        }
        service_alarms = ServiceAlarms(
            self,
            "Observability",
            self._foundation,
            self._prediction,
            functions,
            workflows,
        )
        for serving in (self._prediction, self._web_service):
            if serving and serving.canary:
                serving.canary.watch(serving.failure)
        return service_alarms

    def _outputs(self) -> dict[str, str]:
        """Return the outputs for the command, the dashboards and scripts."""
        foundation = self._foundation
        storage, streams, pointers = foundation.storage, foundation.streams, foundation.pointers
        retraining, scoring = self._retraining.state_machine, self._scoring.state_machine
        monitoring = self._monitoring
        return {
            stack_outputs.POSTS_STREAM: streams.posts.stream_name,
            stack_outputs.PREDICTIONS_STREAM: streams.predictions.stream_name,
            stack_outputs.ARCHIVE_BUCKET: storage.archive.bucket_name,
            stack_outputs.TRAINING_BUCKET: storage.training.bucket_name,
            stack_outputs.MODEL_BUCKET: storage.models.bucket_name,
            stack_outputs.QUARANTINE_BUCKET: storage.quarantine.bucket_name,
            stack_outputs.JOURNAL_TABLE: foundation.journal.table.table_name,
            stack_outputs.CHAMPION_PARAMETER: pointers.champion.parameter_name,
            stack_outputs.SHADOW_PARAMETER: pointers.shadow.parameter_name,
            stack_outputs.RETRAINING_STATE_MACHINE: retraining.state_machine_arn,
            stack_outputs.NOTIFICATION_TOPIC: foundation.notifications.topic.topic_arn,
            stack_outputs.DRIFT_ALARM: self._drift.alarm.alarm_name,
            stack_outputs.DRIFT_FUNCTION: self._drift.function.function_name,
            stack_outputs.QUALITY_FUNCTION: self._quality.function.function_name,
            stack_outputs.RATE_FUNCTION: self._rate.function.function_name,
            stack_outputs.QUALITY_ALARM: self._quality.alarm.alarm_name,
            stack_outputs.PREDICTOR_FUNCTION: self._prediction.function.function_name,
            stack_outputs.MONITORING_STATE_MACHINE: monitoring.state_machine.state_machine_arn,
            stack_outputs.PLAN_FUNCTION: monitoring.functions["plan"].function_name,
            stack_outputs.SETTLE_FUNCTION: monitoring.functions["settle"].function_name,
            stack_outputs.SCORING_STATE_MACHINE: scoring.state_machine_arn,
            stack_outputs.SCORING_PART_BYTES: str(foundation.stage.scoring.part_mb * 1_000_000),
            stack_outputs.QUERY_DATABASE: self._querying.database.ref,
            stack_outputs.QUERY_WORKGROUP: self._querying.workgroup.ref,
            stack_outputs.FAILED_BATCHES_QUEUE: self._service_alarms.failed_batches.queue_name,
            stack_outputs.DEAD_LETTERS_QUEUE: foundation.dead_letters.queue.queue_name,
        }

    def _output(self, values: dict[str, str]) -> None:
        for name, value in values.items():
            CfnOutput(self, name, value=value)
