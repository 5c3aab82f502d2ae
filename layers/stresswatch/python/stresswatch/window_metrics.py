"""Publishes figures of a window of time as metrics."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from stresswatch.windows import Window

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_cloudwatch.type_defs import MetricDatumTypeDef

_OLDEST = timedelta(days=14)


def publish(
    cloudwatch: CloudWatchClient, namespace: str, window: Window, data: Iterable[MetricDatumTypeDef]
) -> None:
    """Put metrics at their window's end, whenever it was measured.

    So the figures of a schedule are its period apart, and an alarm of that period sees one at a
    time. By the time at which they are put, which differs by seconds, two windows share a period
    and the next is without a figure: an alarm then falls back on the period before, the older of
    whose two may set it off. What ended two weeks ago is not put: CloudWatch takes nothing older,
    and no alarm looks back as far.

    References
    ----------
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
    """
    now = datetime.now(UTC)
    if now - window.end >= _OLDEST:
        return
    at = min(window.end, now)
    cloudwatch.put_metric_data(
        Namespace=namespace, MetricData=[{**datum, "Timestamp": at} for datum in data]
    )
