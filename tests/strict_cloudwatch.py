"""Make every client refuse what CloudWatch refuses and moto accepts, with a hook in botocore.

CloudWatch accepts a call in whole or rejects it: one bad datum loses the whole call. A refusal
fails the test that makes the call, even if the code goes on without the datum.

References
----------
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Dimension.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore import handlers
from botocore.exceptions import ClientError

from tests import strict_calls

EVENT = "provide-client-params.cloudwatch.PutMetricData"
MOST_DATA = 1000
MOST_DIMENSIONS = 30
MOST_VALUES = 150
LARGEST_VALUE = 2.0**360
LONGEST_NAME = 255
LONGEST_VALUE = 1024
OLDEST, LATEST = timedelta(days=14), timedelta(hours=2)


def install() -> None:
    """Make every new client refuse as CloudWatch does."""
    if (EVENT, refuse) not in handlers.BUILTIN_HANDLERS:
        handlers.BUILTIN_HANDLERS.append((EVENT, refuse))


def refuse(params: Mapping[str, Any], **_: Any) -> None:
    """Raise CloudWatch's error for a call that it would refuse."""
    for fault in faults(params):
        strict_calls.keep(f"cloudwatch:PutMetricData: {fault}")
        error = {"Code": "InvalidParameterValue", "Message": fault}
        answer = {"Error": error, "ResponseMetadata": {"HTTPStatusCode": 400}}
        raise ClientError(answer, "PutMetricData")  # type: ignore[arg-type]


def faults(params: Mapping[str, Any]) -> Iterator[str]:
    """Return the fault in a call of `PutMetricData`."""
    data = params.get("MetricData", [])
    yield from _of_text("Namespace", params.get("Namespace"), LONGEST_NAME)
    if str(params.get("Namespace")).startswith(":"):
        yield "Namespace starts with a colon"
    if len(data) > MOST_DATA:
        yield f"MetricData has {len(data)} members, more than {MOST_DATA}"
    for place, datum in enumerate(data, start=1):
        for fault in _of_datum(datum):
            yield f"MetricData.member.{place}.{fault}"


def _of_datum(datum: Mapping[str, Any]) -> Iterator[str]:
    yield from _of_text("MetricName", datum.get("MetricName"), LONGEST_NAME)
    dimensions = datum.get("Dimensions", [])
    names = [one.get("Name") for one in dimensions]
    if len(dimensions) > MOST_DIMENSIONS:
        yield f"Dimensions has {len(dimensions)} members, more than {MOST_DIMENSIONS}"
    if len(set(names)) < len(names):
        yield "Dimensions names one twice"
    for one in dimensions:
        yield from _of_text("Dimensions.Name", one.get("Name"), LONGEST_NAME)
        yield from _of_text("Dimensions.Value", one.get("Value"), LONGEST_VALUE)
        if str(one.get("Name")).startswith(":"):
            yield "Dimensions.Name starts with a colon"
    values = [datum[name] for name in ("Value",) if name in datum] + [*datum.get("Values", [])]
    if not values and "StatisticValues" not in datum:
        yield "Value is missing"
    if len(datum.get("Values", [])) > MOST_VALUES:
        yield f"Values has more than {MOST_VALUES} members"
    if len(datum.get("Counts", datum.get("Values", []))) != len(datum.get("Values", [])):
        yield "Counts and Values differ in length"
    for value in [*values, *datum.get("StatisticValues", {}).values()]:
        if not math.isfinite(value) or abs(value) > LARGEST_VALUE:
            yield "Value is no number between -2^360 and 2^360"
    timestamp = datum.get("Timestamp")
    if isinstance(timestamp, datetime) and timestamp.tzinfo:
        now = datetime.now(UTC)
        if not now - OLDEST <= timestamp <= now + LATEST:
            yield "Timestamp is over two weeks ago, or over two hours ahead"


def _of_text(name: str, text: object, longest: int) -> Iterator[str]:
    if not isinstance(text, str) or not 0 < len(text) <= longest:
        yield f"{name} must be a string of 1 to {longest} characters"
    elif not text.isascii() or not text.isprintable():
        yield f"{name} has characters that are not ASCII, or control characters"
    elif not text.strip():
        yield f"{name} is blank"
