"""Alarms on posts that wait, fail or are discarded, and on failing components."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from cdk_app.acknowledgements import acknowledge
from cdk_app.constructs.platform.foundation import Foundation
from cdk_app.constructs.platform.storage import Storage
from cdk_app.constructs.platform.workflows import MONITORING, RETRAINING, SCORING
from cdk_app.constructs.serving.canary import FailureMetric
from cdk_app.constructs.serving.prediction import Prediction
from cdk_app.permissions import from_this_account
from stresswatch.monitoring import dimension_names, metric_names
from stresswatch.monitoring.panels import NAMESPACE
from stresswatch.storage import failed_batches

_PERIOD = Duration.minutes(5)
_ENDED = {"failed": "failed", "timed out": "timed out", "aborted": "was aborted"}
_WHAT_STAYS = {
    RETRAINING: "the champion stays in service",
    SCORING: "scored chunks are kept",
    MONITORING: "the next run completes it",
}


class FailedBatches(Construct):
    """A queue with a message for each batch that the event source mapping discarded.

    S3 notifies EventBridge of the object, and a rule sends it to the queue. So the queue's depth, a
    free metric, is the number of unhandled batches.
    """

    def __init__(self, scope: Construct, id: str, storage: Storage):
        super().__init__(scope, id)
        self.queue = sqs.Queue(
            self,
            "Queue",
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=storage.key,
            enforce_ssl=True,
            retention_period=Duration.days(14),
        )
        acknowledge(
            self.queue,
            "AwsSolutions-SQS3",
            "The queue has no consumer: an alarm watches its depth, and operators empty it.",
        )
        storage.send_events_to_eventbridge(storage.quarantine)
        # The higher-level target would grant EventBridge action patterns on the key.
        rule = events.CfnRule(
            self,
            "Rule",
            description="Records each batch that the event source mapping discarded",
            event_pattern={
                "source": ["aws.s3"],
                "detail-type": ["Object Created"],
                "detail": {
                    "bucket": {"name": [storage.quarantine.bucket_name]},
                    "object": {"key": [{"prefix": failed_batches.PREFIX}]},
                },
            },
            targets=[events.CfnRule.TargetProperty(arn=self.queue.queue_arn, id="Queue")],
        )
        self.queue.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("events.amazonaws.com")],
                actions=["sqs:SendMessage"],
                resources=[self.queue.queue_arn],
                conditions={
                    **from_this_account(Stack.of(self)),
                    "ArnEquals": {"aws:SourceArn": rule.attr_arn},
                },
            )
        )


class ServiceAlarms(Construct):
    """Alarms on the stream, the predictor and all other components.

    The alarms on drift are in ``drift``, with its metrics.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        foundation: Foundation,
        prediction: Prediction,
        functions: Mapping[str, lambda_.Function],
        workflows: Mapping[str, sfn.StateMachine],
    ):
        super().__init__(scope, id)
        self._stage = foundation.stage
        self._alarms = foundation.alarms
        self._watch_stream(prediction.function)
        for name, function in functions.items():
            self._watch_errors(name, function)
        self._watch_partial_batch_failures(prediction.failure)
        self.failed_batches = FailedBatches(self, "FailedBatches", foundation.storage).queue
        self._watch_queue(
            "FailedBatchesAlarm",
            self.failed_batches,
            "Posts were discarded after all retries; the quarantine bucket keeps them.",
            "failed-batches",
        )
        self._watch_queue(
            "DeadLettersAlarm",
            foundation.dead_letters.queue,
            "An event was not delivered: a monitoring run or a retraining did not start.",
            "dead-letters",
        )
        for name, workflow in workflows.items():
            self._watch_ends(name, workflow)

    def _watch_stream(self, predictor: lambda_.Function) -> None:
        stage, make = self._stage, self._alarms.make
        make(
            self,
            "IteratorAgeAlarm",
            predictor.metric("IteratorAge", period=_PERIOD, statistic="Maximum"),
            meaning="Predictions are late: posts wait in the stream too long.",
            runbook="iterator-age",
            threshold=stage.monitoring.iterator_age_alarm_seconds * 1000,
        )
        self._alarms.make_for_silence(
            self,
            "SilentStreamAlarm",
            self._metric(metric_names.POSTS_READ),
            meaning="No posts arrived: producers stopped, or Lambda does not read the stream.",
            runbook="silent-stream",
            silence=timedelta(minutes=stage.monitoring.silence_alarm_minutes),
        )
        make(
            self,
            "ThrottlesAlarm",
            predictor.metric_throttles(period=_PERIOD, statistic="Sum"),
            meaning="Lambda throttled the predictor: its concurrency is used up.",
            runbook="throttles",
            threshold=stage.monitoring.throttles_alarm_count,
        )
        make(
            self,
            "QuarantineRateAlarm",
            self._metric(metric_names.POSTS_QUARANTINED),
            meaning="Many posts break the contract; a producer has probably changed.",
            runbook="quarantine-rate",
            threshold=stage.monitoring.quarantine_alarm_posts,
        )
        make(
            self,
            "ModelLoadFailuresAlarm",
            self._metric(metric_names.MODEL_LOAD_FAILURES),
            meaning="The promoted model cannot be loaded: its file is missing or altered, or it "
            "belongs to another task or release. Roll back or retrain. The previous model stays "
            "in service.",
            runbook="model-load-failure",
            threshold=1,
        )

    def _watch_partial_batch_failures(self, failure: FailureMetric) -> None:
        self._alarms.make(
            self,
            "PartialBatchFailuresAlarm",
            self._metric(failure.metric),
            meaning=failure.meaning,
            runbook=failure.runbook,
            threshold=failure.threshold,
        )

    def _watch_errors(self, name: str, function: lambda_.Function) -> None:
        self._alarms.make(
            self,
            f"{name.capitalize()}ErrorsAlarm",
            function.metric_errors(period=_PERIOD, statistic="Sum"),
            meaning=f"The {name} function fails: it crashed, timed out or raised an error.",
            runbook="function-errors",
            threshold=1,
        )

    def _watch_ends(self, name: str, workflow: sfn.StateMachine) -> None:
        """Watch each kind of failed execution, which AWS counts separately.

        An execution that times out or is aborted reaches no state that could notify.
        https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
        """
        for end, metric in {
            "failed": workflow.metric_failed,
            "timed out": workflow.metric_timed_out,
            "aborted": workflow.metric_aborted,
        }.items():
            self._alarms.make(
                self,
                f"{name.capitalize()}{end.title().replace(' ', '')}Alarm",
                metric(period=_PERIOD, statistic="Sum"),
                meaning=f"A run of the {name} workflow {_ENDED[end]}; {_WHAT_STAYS[name]}.",
                runbook=f"{name}-failed",
                threshold=1,
            )

    def _watch_queue(self, id: str, queue: sqs.Queue, meaning: str, runbook: str) -> None:
        self._alarms.make(
            self,
            id,
            queue.metric_approximate_number_of_messages_visible(
                period=_PERIOD, statistic="Maximum"
            ),
            meaning=meaning,
            runbook=runbook,
            threshold=1,
        )

    def _metric(self, name: str) -> cloudwatch.Metric:
        """Return a metric from the predictor's log."""
        return cloudwatch.Metric(
            namespace=NAMESPACE,
            metric_name=name,
            dimensions_map={
                dimension_names.STAGE: self._stage.name,
                dimension_names.SERVICE: "predictor",
            },
            statistic="Sum",
            period=_PERIOD,
        )
