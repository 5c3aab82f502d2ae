"""Quality: measures the champion's live predictions by the labels that came, and publishes it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger

from stresswatch import archive
from stresswatch.champion import read_pointer
from stresswatch.datasets import LABELS_PREFIX, read_lines
from stresswatch.discretion import discreet
from stresswatch.environment import setting
from stresswatch.identifiers import METRIC_DIMENSION
from stresswatch.live_quality import LiveQuality, join, measure_live, newest_labels
from stresswatch.window_metrics import complain, publish
from stresswatch.windows import Window

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_cloudwatch.type_defs import DimensionTypeDef, MetricDatumTypeDef

logger = Logger()

PREFIX = "quality/"
"""Where each measurement is kept, in the archive's bucket."""
_METRICS = {
    "f1": "F1",
    "precision": "Precision",
    "recall": "Recall",
    "brier": "BrierScore",
    "calibration_error": "CalibrationError",
}


@logger.inject_lambda_context
@discreet
def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer the quality of the window's predictions: ``status`` is ``measured``, or why not.

    Only the champion's own predictions count: a new champion is not blamed for the one before.

    Raises
    ------
    stresswatch.window_metrics.RefusedMetrics
        When CloudWatch refused some of the metrics, after the others were put and all was kept.
    """
    s3, bucket = boto3.client("s3", config=archive.CONNECTIONS), setting("ARCHIVE_BUCKET")
    window = Window.of(event, float(setting("QUALITY_WINDOW_DAYS")) * 24 * 60)
    pointer = read_pointer(boto3.client("ssm"), setting("CHAMPION_PARAMETER"))
    if pointer is None:
        return {"status": "no_champion"}
    labels = newest_labels(read_lines(s3, setting("TRAINING_BUCKET"), LABELS_PREFIX))
    rows = archive.read(s3, bucket, window.start, window.end, labels.by_post.keys())
    scored = join(labels.by_post, rows, pointer.version)
    quality = measure_live(scored, int(setting("MINIMUM_LABELLED_POSTS")))
    counts: dict[str, Any] = {
        "labelled_posts": len(scored),
        "unseen": len(labels.by_post) - len({row["post_id"] for row in rows}),
        "ambiguous": labels.ambiguous,
        "invalid": labels.invalid,
    }
    result = {
        "status": "measured" if quality.overall else "too_few_labels",
        "start": window.start.isoformat(),
        "end": window.end.isoformat(),
        "model_version": pointer.version,
        **counts,
        **quality.as_dict(),
    }
    s3.put_object(
        Bucket=bucket,
        Key=f"{PREFIX}{window.end.astimezone(UTC):%Y-%m-%dT%H%M%S}-{pointer.version}.json",
        Body=json.dumps(result).encode(),
        ContentType="application/json",
    )
    refused = _publish(window, len(scored), quality)
    logger.info("live quality", status=result["status"], model_version=pointer.version, **counts)
    complain(refused)
    return result


def _publish(window: Window, labelled_posts: int, quality: LiveQuality) -> list[MetricDatumTypeDef]:
    """Put the metrics; give those that CloudWatch refused."""
    stage: list[DimensionTypeDef] = [{"Name": "Stage", "Value": setting("STAGE")}]
    data: list[MetricDatumTypeDef] = [
        {"MetricName": "LabelledPosts", "Dimensions": stage, "Value": labelled_posts}
    ]
    if quality.overall:
        data += _data(quality.overall, stage)
    for name, figures in quality.communities.items():
        community: DimensionTypeDef = {
            "Name": "Community",
            "Value": METRIC_DIMENSION.encode(name),
        }
        data += _data(figures, [*stage, community])
    namespace = setting("POWERTOOLS_METRICS_NAMESPACE")
    return publish(boto3.client("cloudwatch"), namespace, window, data)


def _data(
    figures: Mapping[str, Any], dimensions: list[DimensionTypeDef]
) -> Iterator[MetricDatumTypeDef]:
    low, high = figures["intervals"]["f1"]
    named = {_METRICS[name]: figures[name] for name in _METRICS}
    for name, value in {**named, "F1LowerBound": low, "F1UpperBound": high}.items():
        yield {"MetricName": name, "Dimensions": dimensions, "Value": value}
