"""Drift: compares a window's predictions with the champion's reference, and publishes metrics."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
import pandas as pd
from aws_lambda_powertools import Logger

from stresswatch.aws import service_text
from stresswatch.aws.redaction import redact_errors
from stresswatch.aws.s3 import Location, read
from stresswatch.evaluation.estimated_quality import estimate_f1
from stresswatch.monitoring import dimension_names, drift_history, metric_names
from stresswatch.monitoring.drift import Drift, measure_drift
from stresswatch.monitoring.drift_history import WindowDrift
from stresswatch.monitoring.drift_page import drift_page
from stresswatch.monitoring.drift_reports import (
    INDEX,
    Signer,
    index_page,
    labelling_advice,
    message,
)
from stresswatch.monitoring.environments import DriftEnvironment
from stresswatch.monitoring.panels import NAMESPACE
from stresswatch.monitoring.window_metrics import publish, require_published
from stresswatch.settled.places import PREDICTIONS, NotSettled, settled_parts
from stresswatch.settled.samples import Sample, merge, read_samples
from stresswatch.settled.summaries import read_summaries
from stresswatch.settled.windows import Window
from stresswatch.storage import archive
from stresswatch.versions.champion import Pointer, read_pointer
from stresswatch.versions.model_version import REFERENCE_FILE

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_cloudwatch.type_defs import DimensionTypeDef, MetricDatumTypeDef
    from mypy_boto3_s3 import S3Client

logger = Logger()


_INDEX_DAYS = 14
_INDEX_WINDOWS = 200
"""How many days, and at most how many windows, the index covers."""


@logger.inject_lambda_context
@redact_errors
def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Return the window's drift: ``status`` is ``measured``, or the reason why it was skipped.

    The event has the window's ``start`` and ``end``, and optionally ``shards``: the number of parts
    that must be settled first.

    Only the champion's own rows count, because probabilities and the share of unknown words depend
    on the model. Smoke test posts are left out.

    Raises
    ------
    stresswatch.settled.windows.InvalidWindow
    NotSettled
        When a part is missing. The next workflow run settles and measures it.
    stresswatch.monitoring.window_metrics.RefusedMetrics
        When CloudWatch refused some metrics. The others are published, and the notification is
        sent.
    """
    environment = DriftEnvironment.parse(os.environ)
    s3, bucket = boto3.client("s3", config=archive.CONNECTIONS), environment.archive_bucket
    window = Window.of(event, minutes=0)
    pointer = read_pointer(boto3.client("ssm"), environment.champion_parameter)
    current = _read(s3, environment, window, event["shards"], pointer)
    version = pointer.version if pointer else None
    found, drift = WindowDrift(window, version, "no_champion", current.posts), None
    if pointer and current.posts < environment.minimum_window_posts:
        found = WindowDrift(window, version, "too_small", current.posts)
    elif pointer:
        found, drift = _measure(s3, environment, pointer, current, window)
    drift_history.write(s3, bucket, found)
    refused = _publish(environment, found, drift)
    _notify(s3, environment, found)
    logger.info("window", status=found.status, posts=found.posts, model_version=version)
    require_published(refused)
    return _answer(found, bucket)


def _read(
    s3: S3Client,
    environment: DriftEnvironment,
    window: Window,
    needed: int,
    pointer: Pointer | None,
) -> Sample:
    bucket = environment.archive_bucket
    parts = settled_parts(s3, bucket, PREDICTIONS, window.start, window.end)
    if len(parts) < needed:
        raise NotSettled(f"{len(parts)} of the window's {needed} parts are settled")
    if pointer is None:
        return Sample([], 0)
    summaries = read_summaries(s3, bucket, PREDICTIONS, parts)
    samples = read_samples(s3, bucket, PREDICTIONS, summaries, pointer.version)
    return merge(samples, environment.maximum_window_posts, window)


def _measure(
    s3: S3Client,
    environment: DriftEnvironment,
    pointer: Pointer,
    current: Sample,
    window: Window,
) -> tuple[WindowDrift, Drift]:
    place = Location.parse(pointer.uri) / REFERENCE_FILE
    reference = pd.read_parquet(io.BytesIO(read(s3, place)))
    rows = pd.DataFrame(current.rows)
    drift = measure_drift(rows, reference, environment.drift_rules)
    found = WindowDrift(
        window,
        pointer.version,
        "measured",
        current.posts,
        len(rows),
        estimate_f1(rows["probability"].to_numpy(float)),
        **drift.as_dict(),
    )
    page = drift_page(found, rows, reference)
    _put_page(s3, environment.archive_bucket, str(found.page), page)
    if drift.failed:
        logger.warning("comparisons failed", compared=drift.failed)
    return found, drift


def _publish(
    environment: DriftEnvironment, found: WindowDrift, drift: Drift | None
) -> list[MetricDatumTypeDef]:
    """Put the metrics; return those that CloudWatch refused."""
    stage: list[DimensionTypeDef] = [{"Name": dimension_names.STAGE, "Value": environment.stage}]
    figures = {metric_names.WINDOW_POSTS: float(found.posts)}
    if drift:
        figures[metric_names.FAILED_COMPARISONS] = len(found.failed)
        if found.estimated_f1 is not None:
            figures[metric_names.ESTIMATED_F1] = found.estimated_f1
        if found.share is not None:
            figures[metric_names.DRIFT_SHARE] = found.share
    data: list[MetricDatumTypeDef] = [
        {"MetricName": name, "Dimensions": stage, "Value": value} for name, value in figures.items()
    ]
    data += [
        {
            "MetricName": metric_names.FEATURE_DRIFT,
            "Dimensions": [*stage, {"Name": dimension_names.FEATURE, "Value": name}],
            "Value": 1.0,
        }
        for name in (drift.drifted if drift else ())
    ]
    return publish(boto3.client("cloudwatch"), NAMESPACE, found.window, data)


def _notify(s3: S3Client, environment: DriftEnvironment, found: WindowDrift) -> None:
    """Rewrite the index; send a message when the drift alarm begins."""
    bucket = environment.archive_bucket
    threshold, hours = environment.drift_share_threshold, environment.report_link_hours
    signer = Signer(bucket, hours)
    now = datetime.now(UTC)
    validity = (
        f"Links were signed at {now:%Y-%m-%d %H:%M} UTC and expire {hours} hours later, "
        "or earlier, with the credentials that signed them."
    )
    windows = drift_history.recent(s3, bucket, found.window.end, _INDEX_DAYS, _INDEX_WINDOWS)
    _put_page(s3, bucket, INDEX, index_page(windows, threshold, signer.link, validity))
    needed, evaluated = environment.drift_windows_to_alarm, environment.drift_windows_evaluated
    if found.begins_to_drift(windows, threshold, needed, evaluated):
        advice = labelling_advice(found, environment.stage, draws_posts=environment.draws_posts)
        boto3.client("sns").publish(
            TopicArn=environment.notification_topic,
            Subject=service_text.subject(f"Stresswatch {environment.stage}: posts have drifted"),
            Message=service_text.message(
                message(found, signer.link(str(found.page)), signer.link(INDEX), validity, advice)
            ),
        )


def _put_page(s3: S3Client, bucket: str, key: str, page: str) -> None:
    s3.put_object(
        Bucket=bucket, Key=key, Body=page.encode(), ContentType="text/html; charset=utf-8"
    )


def _answer(found: WindowDrift, bucket: str) -> dict[str, Any]:
    answer: dict[str, Any] = {
        **found.window.to_dict(),
        "status": found.status,
        "posts": found.posts,
        "compared": found.compared,
        "model_version": found.model_version,
    }
    if found.page:
        answer |= {
            "estimated_f1": found.estimated_f1,
            "share": found.share,
            "features": found.features,
            "failed": found.failed,
            "left_out": found.left_out,
            "report": f"s3://{bucket}/{found.page}",
        }
    return answer
