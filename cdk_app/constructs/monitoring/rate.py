"""The rate of the positive class: a function of the monitoring workflow, with its permissions."""

from __future__ import annotations

from aws_cdk import Duration
from constructs import Construct

from cdk_app.constructs.platform.foundation import Foundation
from cdk_app.constructs.platform.functions import role_of
from cdk_app.constructs.querying.athena import Querying
from cdk_app.permissions import allow_metrics
from stresswatch.monitoring import label_table
from stresswatch.monitoring.panels import NAMESPACE
from stresswatch.rates import page, rate_table
from stresswatch.rates.environments import RateEnvironment
from stresswatch.settled.places import PREDICTIONS
from stresswatch.settled.queries import DRAWN_TABLE


class Rate(Construct):
    """Rate function, which joins labels to sampled posts and counts all posts → table and page."""

    def __init__(self, scope: Construct, id: str, foundation: Foundation, querying: Querying):
        super().__init__(scope, id)
        stage, storage = foundation.stage, foundation.storage
        self.function = foundation.functions.zip_function(
            self,
            "rate",
            layers=[foundation.functions.packages_layer("settling")],
            memory_mb=1769,
            timeout=Duration.minutes(15),
            concurrency=stage.serving.other_concurrency,
            environment=RateEnvironment(
                stage=stage.name,
                archive_bucket=storage.archive.bucket_name,
                query_database=querying.database.ref,
                query_workgroup=querying.functions_workgroup.ref,
                rate_days=stage.monitoring.rate_days,
                minimum_cell_posts=stage.monitoring.minimum_cell_posts,
            ),
        )
        role = role_of(self.function)
        querying.grant_query(role, DRAWN_TABLE, label_table.TABLE)
        storage.grant_list(role, storage.archive, PREDICTIONS.summaries)
        storage.grant_read(role, storage.archive, PREDICTIONS.summaries)
        storage.grant_write(role, storage.archive, rate_table.PREFIX, page.PAGE)
        allow_metrics(role, NAMESPACE)
