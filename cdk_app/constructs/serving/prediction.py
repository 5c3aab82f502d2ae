"""The predictor, with its permissions."""

from __future__ import annotations

from aws_cdk import Duration
from constructs import Construct

from cdk_app.constructs.platform.foundation import Foundation
from cdk_app.constructs.platform.functions import invoked_in_step, role_of
from cdk_app.constructs.serving.canary import Canary, FailureMetric
from cdk_app.constructs.serving.event_source_mapping import deliver_posts
from cdk_app.permissions import allow
from stresswatch.monitoring import metric_names
from stresswatch.serving.environments import PredictorEnvironment
from stresswatch.storage import archive, failed_batches, label_queue, quarantine
from stresswatch.versions.model_version import MODELS_PREFIX
from stresswatch.versions.shadow import ARCHIVE_PREFIX as SHADOW_PREFIX


class Prediction(Construct):
    """Posts stream → predictor → predictions stream, archive and quarantine."""

    def __init__(self, scope: Construct, id: str, foundation: Foundation):
        super().__init__(scope, id)
        stage, storage, streams = foundation.stage, foundation.storage, foundation.streams
        pointers, identity = foundation.pointers, foundation.identity
        queue = storage.label_queue
        self.function = foundation.functions.predicting_function(
            self,
            "predictor",
            memory_mb=1769,  # one full vCPU
            timeout=Duration.seconds(60),
            concurrency=stage.serving.predictor_concurrency,
            environment=PredictorEnvironment(
                stage=stage.name,
                predictions_stream=streams.predictions.stream_name,
                archive_bucket=storage.archive.bucket_name,
                quarantine_bucket=storage.quarantine.bucket_name,
                champion_parameter=pointers.champion.parameter_name,
                shadow_parameter=pointers.shadow.parameter_name,
                champion_ttl_seconds=stage.serving.champion_ttl_seconds,
                reasons=stage.serving.reasons,
                scorer=stage.serving.scorer,
                identity_secret=identity.secret_arn,
                label_queue_bucket=queue.bucket_name if queue else None,
                label_sample_share=stage.labelling.label_sample_share,
                uncertain_sample_share=stage.labelling.uncertain_sample_share,
            ),
        )
        invoked_in_step(
            self.function, "the mapping puts discarded batches into the quarantine bucket."
        )
        role = role_of(self.function)
        streams.grant_consume_posts(role)
        streams.grant_put_predictions(role)
        pointers.grant_read_champion(role)
        pointers.grant_read_shadow(role)
        identity.grant_read(role)
        storage.grant_read(role, storage.models, MODELS_PREFIX)
        storage.grant_write(role, storage.archive, archive.PREFIX, SHADOW_PREFIX)
        # Under aws/lambda/, the mapping itself writes discarded batches with the function's role.
        storage.grant_write(role, storage.quarantine, quarantine.PREFIX, failed_batches.PREFIX)
        allow(role, ["s3:ListBucket"], [storage.quarantine.bucket_arn])
        if queue:
            storage.grant_write(role, queue, label_queue.PREFIX)
        self.canary = (
            Canary(
                self,
                "Release",
                foundation,
                self.function,
                warm=stage.serving.provisioned_concurrency,
            )
            if stage.serving.canary_minutes or stage.serving.provisioned_concurrency
            else None
        )
        self.failure = FailureMetric(
            metric=metric_names.PARTIAL_FAILURES,
            service="predictor",
            threshold=stage.monitoring.partial_failure_alarm_batches,
            meaning="The predictor reports partial batch failures: it cannot load a model, or AWS "
            "rejects its calls.",
            runbook="partial-batch-failures",
        )
        deliver_posts(self, foundation, self.canary.alias if self.canary else self.function)
