"""The tests' CloudWatch refuses what the real one does, by its documentation."""

from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from tests import strict_calls

GOOD = {
    "MetricName": "F1",
    "Dimensions": [{"Name": "Community", "Value": "%C3%89picerie"}],
    "Value": 0.5,
    "Timestamp": datetime.now(UTC),
}


def put(*data, namespace="Stresswatch"):
    with mock_aws():
        cloudwatch = boto3.client("cloudwatch")
        cloudwatch.put_metric_data(Namespace=namespace, MetricData=data)


def test_valid_data_is_accepted():
    put(GOOD)
    put(*[GOOD] * 1000)
    put(GOOD | {"Value": 2.0**360})


@pytest.mark.parametrize("value", ["\u00c9", "\u65e5", " ", "", "a" * 1025, "a\nb", "\x7f"])
def test_an_invalid_dimension_value_is_rejected(value):
    with (
        strict_calls.refused(),
        pytest.raises(ClientError, match=r"InvalidParameterValue.*Dimensions\.Value"),
    ):
        put(GOOD, GOOD | {"Dimensions": [{"Name": "Community", "Value": value}]})


@pytest.mark.parametrize(
    "bad",
    [
        {"Value": float("nan")},
        {"Value": float("inf")},
        {"Value": 2.0**361},
        {"MetricName": ""},
        {"MetricName": "a" * 256},
        {"MetricName": "\u00e9"},
        {"Dimensions": [{"Name": ":a", "Value": "b"}]},
        {"Dimensions": [{"Name": "a", "Value": "b"}] * 2},
        {"Dimensions": [{"Name": str(place), "Value": "b"} for place in range(31)]},
    ],
)
def test_one_invalid_datum_fails_the_call(bad):
    with (
        strict_calls.refused(),
        pytest.raises(ClientError, match=r"InvalidParameterValue.*MetricData\.member\.2"),
    ):
        put(GOOD, GOOD | bad)


@pytest.mark.parametrize("later", [timedelta(days=-15), timedelta(hours=3)])
def test_a_timestamp_too_far_from_now_fails_the_call(later):
    with (
        strict_calls.refused(),
        pytest.raises(ClientError, match=r"InvalidParameterValue.*MetricData\.member\.2"),
    ):
        put(GOOD, GOOD | {"Timestamp": datetime.now(UTC) + later})


def test_too_many_data_and_an_invalid_namespace_are_rejected():
    with strict_calls.refused(), pytest.raises(ClientError, match="more than 1000"):
        put(*[GOOD] * 1001)
    with strict_calls.refused(), pytest.raises(ClientError, match="Namespace"):
        put(GOOD, namespace=":a")
