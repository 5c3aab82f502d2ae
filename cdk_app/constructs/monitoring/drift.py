"""The drift monitor: a function of the monitoring workflow, its metrics and its alarms."""

from __future__ import annotations

from datetime import timedelta

from aws_cdk import Duration, IgnoreMode
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from cdk_app.bundling import image_context
from cdk_app.constructs.platform.foundation import Foundation
from cdk_app.constructs.platform.functions import role_of
from cdk_app.permissions import allow_metrics
from cdk_app.settings.stage import Stage
from stresswatch.monitoring import dimension_names, drift_history, metric_names
from stresswatch.monitoring.environments import DriftEnvironment
from stresswatch.monitoring.panels import NAMESPACE
from stresswatch.settled.places import PREDICTIONS
from stresswatch.versions.model_version import MODELS_PREFIX

_LATEST_MINUTES = 15
"""Maximum delay of a window's metric before the monitor counts as silent."""


class DriftMonitor(Construct):
    """Drift function, which merges summaries and samples → metrics → alarms."""

    def __init__(self, scope: Construct, id: str, foundation: Foundation):
        super().__init__(scope, id)
        stage, storage, alarms = foundation.stage, foundation.storage, foundation.alarms
        settings = stage.monitoring
        context = image_context("lambdas/drift")
        self.function = foundation.functions.image_function(
            self,
            "drift",
            lambda_.DockerImageCode.from_image_asset(
                context.directory,
                file="lambdas/drift/Dockerfile",
                exclude=context.exclude,
                ignore_mode=IgnoreMode.DOCKER,
                platform=ecr_assets.Platform.LINUX_ARM64,
            ),
            memory_mb=2048,
            timeout=Duration.minutes(5),
            concurrency=stage.serving.other_concurrency,
            environment=DriftEnvironment(
                stage=stage.name,
                archive_bucket=storage.archive.bucket_name,
                champion_parameter=foundation.pointers.champion.parameter_name,
                minimum_window_posts=settings.minimum_window_posts,
                maximum_window_posts=settings.maximum_window_posts,
                drift_rules=settings.drift,
                drift_share_threshold=settings.drift_share_threshold,
                drift_windows_to_alarm=settings.drift_windows_to_alarm,
                drift_windows_evaluated=settings.drift_windows_evaluated,
                notification_topic=foundation.notifications.topic.topic_arn,
                report_link_hours=settings.report_link_hours,
                draws_posts=stage.labelling.has_queue,
            ),
            variables_of_libraries={
                # Evidently would write a telemetry id to the home folder, which is read-only.
                "DO_NOT_TRACK": "1",
                "HOME": "/tmp",  # noqa: S108 - Lambda's own writable folder
            },
        )
        role = role_of(self.function)
        foundation.pointers.grant_read_champion(role)
        summaries, samples = PREDICTIONS.summaries, str(PREDICTIONS.samples)
        storage.grant_list(role, storage.archive, summaries, drift_history.PREFIX)
        # Recipients of its signed links read pages.
        storage.grant_read(
            role,
            storage.archive,
            summaries,
            samples,
            drift_history.PREFIX,
            drift_history.REPORTS,
        )
        storage.grant_read(role, storage.models, MODELS_PREFIX)
        storage.grant_write(role, storage.archive, drift_history.REPORTS, drift_history.PREFIX)
        allow_metrics(role, NAMESPACE)
        foundation.notifications.grant_publish(role)
        self.alarm = alarms.make(
            self,
            "Alarm",
            self._metric(metric_names.DRIFT_SHARE, stage),
            meaning=(
                "Features of the posts have drifted from the champion's reference. "
                "A retraining starts automatically; see the window's report in S3."
            ),
            runbook="drift",
            # A window with too few posts has no metric, and counts as not drifted.
            threshold=settings.drift_share_threshold,
            datapoints=settings.drift_windows_to_alarm,
            periods=settings.drift_windows_evaluated,
        )
        if settings.accepted_estimated_f1 is not None:
            alarms.make(
                self,
                "EstimatedQualityAlarm",
                self._metric(metric_names.ESTIMATED_F1, stage),
                meaning=(
                    "The champion's F1, estimated without labels, is below the accepted value. "
                    "Label posts from these days to measure it."
                ),
                runbook="live-quality",
                threshold=settings.accepted_estimated_f1,
                comparison=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
                datapoints=3,
                periods=4,
            )
        alarms.make_for_silence(
            self,
            "HeartbeatAlarm",
            self._metric(metric_names.WINDOW_POSTS, stage, statistic="SampleCount"),
            meaning="The drift monitor did not run, so the model is not monitored.",
            runbook="drift-monitor-silent",
            silence=heartbeat_silence(settings.window_minutes),
        )

    def _metric(self, name: str, stage: Stage, statistic: str = "Maximum") -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=NAMESPACE,
            metric_name=name,
            dimensions_map={dimension_names.STAGE: stage.name},
            statistic=statistic,
            period=Duration.minutes(stage.monitoring.window_minutes),
        )


def heartbeat_silence(window_minutes: int) -> timedelta:
    """Return the maximum time between two windows' metrics.

    The next metric is one window later. It is put after the window is archived and measured,
    including retries.
    """
    return timedelta(minutes=window_minutes + max(window_minutes // 2, _LATEST_MINUTES))
