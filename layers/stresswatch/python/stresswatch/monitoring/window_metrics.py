"""Publishes figures of a window of time as metrics."""

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
"""What CloudWatch answers where one of the data is at fault; none of the call's is kept then."""
_NAMED = 5


class RefusedMetrics(AwsFailure):
    """CloudWatch refused some metrics; all others of the window were put."""

    def __init__(self, refused: Sequence[MetricDatumTypeDef]):
        names = ", ".join(map(_name, refused[:_NAMED]))
        more = f" and {len(refused) - _NAMED} more" if len(refused) > _NAMED else ""
        super().__init__(
            f"CloudWatch refused {len(refused)} of the window's metrics: {names}{more}; "
            "the others were put"
        )


def publish(
    cloudwatch: CloudWatchClient, namespace: str, window: Window, data: Iterable[MetricDatumTypeDef]
) -> list[MetricDatumTypeDef]:
    """Put metrics at their window's end, whenever it was measured; return those that were refused.

    So the figures of a schedule are its period apart, and an alarm of that period sees one at a
    time. By the time at which they are put, which differs by seconds, two windows share a period
    and the next is without a figure: an alarm then falls back on the period before, the older of
    whose two may set it off. What ended two weeks ago is not put: CloudWatch takes nothing older,
    and no alarm looks back as far.

    CloudWatch refuses a whole call for one bad datum, so a call that it refuses is cut in halves
    until the bad one stands alone: the figures of one community never cost those of another. The
    caller ends its other work, and then calls `complain`.

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


def complain(refused: Sequence[MetricDatumTypeDef]) -> None:
    """Fail for what CloudWatch refused, so that the function's alarm tells of it.

    Raises
    ------
    RefusedMetrics
        When it refused anything.
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
    """Name a metric with its dimensions' values, of which none is text as it came."""
    values = ", ".join(one["Value"] for one in datum.get("Dimensions", []))
    return f"{datum['MetricName']} ({values})"
