"""Publishes a window's values as metrics."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError, ParamValidationError

from stresswatch.aws.s3 import error_code
from stresswatch.errors import AwsFailure
from stresswatch.settled.windows import Window

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_cloudwatch.type_defs import MetricDatumTypeDef

_OLDEST = timedelta(days=14)
_DATA_A_CALL = 1000
_OF_A_DATUM = {"InvalidParameterCombination", "InvalidParameterValue", "MissingParameter"}
"""CloudWatch's error codes for a bad datum; it then drops the whole call."""
_NAMED = 5


class RefusedMetrics(AwsFailure):
    """CloudWatch refused some metrics; all others of the window were published."""

    def __init__(self, refused: Sequence[MetricDatumTypeDef]):
        names = ", ".join(map(_name, refused[:_NAMED]))
        more = f" and {len(refused) - _NAMED} more" if len(refused) > _NAMED else ""
        super().__init__(
            f"CloudWatch refused {len(refused)} of the window's metrics: {names}{more}; "
            "the others were published"
        )


def publish(
    cloudwatch: CloudWatchClient, namespace: str, window: Window, data: Iterable[MetricDatumTypeDef]
) -> list[MetricDatumTypeDef]:
    """Put metrics with their window's end as timestamp; return those that were refused.

    With these timestamps, consecutive values are one schedule period apart, and an alarm with that
    period sees one at a time. The time of publication varies by seconds. It could put two windows
    into one period and none into the next, so that an alarm would reuse an old value. Values older
    than two weeks are not put, because CloudWatch refuses them and no alarm looks back so far.

    CloudWatch refuses a whole call for one bad datum. A refused call is therefore halved until the
    bad datum is isolated, so one community never affects another. The caller completes its work and
    then calls `require_published`.

    Raises
    ------
    botocore.exceptions.ClientError
        When a call fails for another reason, such as a missing permission.

    References
    ----------
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
    """
    now = datetime.now(UTC)
    if now - window.end >= _OLDEST:
        return []
    at = min(window.end, now)
    stamped: list[MetricDatumTypeDef] = [{**datum, "Timestamp": at} for datum in data]
    return [
        refused
        for first in range(0, len(stamped), _DATA_A_CALL)
        for refused in _put(cloudwatch, namespace, stamped[first : first + _DATA_A_CALL])
    ]


def require_published(refused: Sequence[MetricDatumTypeDef]) -> None:
    """Raise an error for refused metrics, so that the function's alarm fires.

    Raises
    ------
    RefusedMetrics
        When CloudWatch refused any metric.
    """
    if refused:
        raise RefusedMetrics(refused)


def _put(
    cloudwatch: CloudWatchClient, namespace: str, data: list[MetricDatumTypeDef]
) -> list[MetricDatumTypeDef]:
    try:
        cloudwatch.put_metric_data(Namespace=namespace, MetricData=data)
    except (ClientError, ParamValidationError) as error:
        if not _is_of_a_datum(error):
            raise
        if len(data) == 1:
            return data
        half = len(data) // 2
        return [
            *_put(cloudwatch, namespace, data[:half]),
            *_put(cloudwatch, namespace, data[half:]),
        ]
    return []


def _is_of_a_datum(error: ClientError | ParamValidationError) -> bool:
    return isinstance(error, ParamValidationError) or (
        error_code(error).removesuffix("Exception") in _OF_A_DATUM
    )


def _name(datum: MetricDatumTypeDef) -> str:
    """Return a metric's name with its dimension values, which are encoded."""
    values = ", ".join(one["Value"] for one in datum.get("Dimensions", []))
    return f"{datum['MetricName']} ({values})"
