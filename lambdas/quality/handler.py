"""Quality: measures the champion's live predictions against labels, and publishes the metrics."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import UTC
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger

from stresswatch.aws.athena import Athena
from stresswatch.aws.identifiers import METRIC_DIMENSION
from stresswatch.aws.redaction import redact_errors
from stresswatch.contracts.identity import identity_key
from stresswatch.monitoring import dimension_names, metric_names
from stresswatch.monitoring.environments import QualityEnvironment
from stresswatch.monitoring.label_table import LabelTable
from stresswatch.monitoring.labelled_predictions import labelled_predictions
from stresswatch.monitoring.live_quality import (
    LiveQuality,
    Outcome,
    match,
    measure_live,
)
from stresswatch.monitoring.panels import NAMESPACE
from stresswatch.monitoring.window_metrics import publish, require_published
from stresswatch.settled.windows import Window
from stresswatch.storage import archive, prefixes
from stresswatch.versions.champion import read_pointer
from stresswatch.versions.trained_texts import read_trained_texts

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_cloudwatch.type_defs import DimensionTypeDef, MetricDatumTypeDef

logger = Logger()


@logger.inject_lambda_context
@redact_errors
def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Return the quality of the window's predictions: ``status`` is ``measured``, or why not.

    It reads the predictions settled so far. Only the champion's own count, not its predecessor's.
    Posts that it was trained on are left out, as long as its training set exists.

    Raises
    ------
    stresswatch.contracts.identity.KeyUnavailable
        When the texts' digests cannot be computed; the schedule's event is retried.
    stresswatch.aws.athena.QueryFailed
        When Athena did not answer.
    stresswatch.monitoring.label_table.LabelsChange
        When the table of the newest labels could not be written.
    stresswatch.monitoring.window_metrics.RefusedMetrics
        When CloudWatch refused some metrics. The others are published, and all results are
        stored.
    """
    environment = QualityEnvironment.parse(os.environ)
    s3, bucket = boto3.client("s3", config=archive.CONNECTIONS), environment.archive_bucket
    window = Window.of(event, environment.quality_window_days * 24 * 60)
    pointer = read_pointer(boto3.client("ssm"), environment.champion_parameter)
    if pointer is None:
        return {"status": "no_champion"}
    key, training = identity_key(environment.identity_secret)(), environment.training_bucket
    known = LabelTable(s3, training, key).fold()
    athena = Athena(boto3.client("athena"), environment.query_workgroup, environment.query_database)
    rows = list(labelled_predictions(athena, window.start, window.end))
    labels = known.of({row["post_id"] for row in rows})
    trained_texts = read_trained_texts(s3, training, pointer.version, key)
    outcome = match(labels, rows, pointer.version, trained_texts or ())
    quality = measure_live(outcome.scored, environment.minimum_labelled_posts)
    counts: dict[str, Any] = {
        **outcome.counts(),
        "invalid": labels.invalid,
        "training_set": "missing" if trained_texts is None else "read",
    }
    result = {
        "status": "measured" if quality.overall else "too_few_labels",
        **window.to_dict(),
        "model_version": pointer.version,
        **counts,
        **quality.as_dict(),
    }
    s3.put_object(
        Bucket=bucket,
        Key=f"{prefixes.QUALITY}{window.end.astimezone(UTC):%Y-%m-%dT%H%M%S}-{pointer.version}.json",
        Body=json.dumps(result).encode(),
        ContentType="application/json",
    )
    refused = _publish(environment, window, outcome, quality)
    logger.info("live quality", status=result["status"], model_version=pointer.version, **counts)
    if trained_texts is None:
        logger.warning(
            "no training set: the champion's training posts are not left out",
            model_version=pointer.version,
        )
    require_published(refused)
    return result


def _publish(
    environment: QualityEnvironment, window: Window, outcome: Outcome, quality: LiveQuality
) -> list[MetricDatumTypeDef]:
    """Put the metrics; return those that CloudWatch refused."""
    stage: list[DimensionTypeDef] = [{"Name": dimension_names.STAGE, "Value": environment.stage}]
    data: list[MetricDatumTypeDef] = [
        {
            "MetricName": metric_names.LABELLED_POSTS,
            "Dimensions": stage,
            "Value": len(outcome.scored),
        },
        {
            "MetricName": metric_names.EXCLUDED_POSTS,
            "Dimensions": stage,
            "Value": outcome.trained_on,
        },
    ]
    if quality.overall:
        low, high = quality.overall["intervals"]["f1"]
        data += [
            {"MetricName": name, "Dimensions": stage, "Value": value}
            for name, value in (
                (metric_names.F1, quality.overall["f1"]),
                (metric_names.F1_LOWER_BOUND, low),
                (metric_names.F1_UPPER_BOUND, high),
                (metric_names.PRECISION, quality.overall["precision"]),
                (metric_names.RECALL, quality.overall["recall"]),
            )
        ]
    data += [
        {
            "MetricName": metric_names.F1,
            "Dimensions": [
                *stage,
                {"Name": dimension_names.COMMUNITY, "Value": METRIC_DIMENSION.encode(name)},
            ],
            "Value": figures["f1"],
        }
        for name, figures in quality.communities.items()
    ]
    return publish(boto3.client("cloudwatch"), NAMESPACE, window, data)
