"""Live quality: a function of the monitoring workflow, its metrics and its alarm."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from cdk_app.constructs.platform.foundation import Foundation
from cdk_app.constructs.platform.functions import role_of
from cdk_app.constructs.querying.athena import Querying
from cdk_app.permissions import allow_metrics
from stresswatch.monitoring import dimension_names, label_table, metric_names
from stresswatch.monitoring.environments import QualityEnvironment
from stresswatch.monitoring.panels import NAMESPACE
from stresswatch.settled.queries import PREDICTIONS_TABLE
from stresswatch.storage.prefixes import ASSEMBLED_SETS, QUALITY
from stresswatch.storage.training_sets import LABELS_PREFIX


class LiveQuality(Construct):
    """Quality function, which joins labels to predictions → metrics → alarm."""

    def __init__(self, scope: Construct, id: str, foundation: Foundation, querying: Querying):
        super().__init__(scope, id)
        stage, storage = foundation.stage, foundation.storage
        settings = stage.monitoring
        self.function = foundation.functions.zip_function(
            self,
            "quality",
            layers=[foundation.functions.packages_layer("settling")],
            memory_mb=1769,
            timeout=Duration.minutes(15),
            concurrency=stage.serving.other_concurrency,
            environment=QualityEnvironment(
                stage=stage.name,
                archive_bucket=storage.archive.bucket_name,
                training_bucket=storage.training.bucket_name,
                champion_parameter=foundation.pointers.champion.parameter_name,
                identity_secret=foundation.identity.secret_arn,
                query_database=querying.database.ref,
                query_workgroup=querying.functions_workgroup.ref,
                quality_window_days=settings.quality_window_days,
                minimum_labelled_posts=settings.minimum_labelled_posts,
            ),
        )
        role = role_of(self.function)
        foundation.pointers.grant_read_champion(role)
        foundation.identity.grant_read(role)
        querying.grant_query(role, PREDICTIONS_TABLE, label_table.TABLE)
        storage.grant_write(role, storage.archive, QUALITY)
        storage.grant_write(role, storage.training, label_table.PREFIX)
        storage.grant_list(role, storage.training, LABELS_PREFIX, ASSEMBLED_SETS)
        storage.grant_read(role, storage.training, LABELS_PREFIX, ASSEMBLED_SETS)
        allow_metrics(role, NAMESPACE)
        self.alarm = foundation.alarms.make(
            self,
            "Alarm",
            cloudwatch.Metric(
                namespace=NAMESPACE,
                metric_name=metric_names.F1_UPPER_BOUND,
                dimensions_map={dimension_names.STAGE: stage.name},
                statistic="Minimum",
                period=Duration.hours(settings.quality_every_hours),
            ),
            meaning=(
                "Live F1 is below the accepted value: even its upper bound is. A retraining starts "
                "automatically."
            ),
            runbook="live-quality",
            # Too few labels give no metric, which does not indicate a bad champion.
            threshold=settings.accepted_f1,
            comparison=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
        )
