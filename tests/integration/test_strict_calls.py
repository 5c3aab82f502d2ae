"""Calls that AWS would refuse fail the test that makes them, also on moto."""

from datetime import UTC, datetime, timedelta

import boto3
import pytest
from moto import mock_aws

from stresswatch.monitoring.window_metrics import publish
from stresswatch.settled.windows import Window
from stresswatch.versions.model_registry import Registry
from tests import strict_calls
from tests.strict_calls import RefusedByAws


def test_a_comma_in_package_metadata_is_rejected(aws):
    sagemaker = boto3.client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName="group")
    with strict_calls.refused(), pytest.raises(RefusedByAws, match="CustomerMetadataProperties"):
        sagemaker.create_model_package(
            ModelPackageGroupName="group",
            CustomerMetadataProperties={"verdict": "rejected: F1, base holdout"},
        )
    assert list(Registry(sagemaker, "group").packages()) == []


def test_a_value_outside_an_enumeration_is_rejected(aws):
    with strict_calls.refused(), pytest.raises(RefusedByAws, match="is none of String"):
        aws.ssm.put_parameter(Name="/a", Value="b", Type="Text")


def test_an_invalid_call_is_recorded_even_if_caught(aws):
    with strict_calls.refused() as found:
        try:
            aws.ssm.put_parameter(Name="/a", Value="b", Type="Text")
        except Exception:  # as a function that swallows all errors would
            caught = True
    assert caught
    assert [one.split(":")[:2] for one in found] == [["ssm", "PutParameter"]]


@pytest.mark.parametrize("value", ["", " ", "\u00c9picerie", "a\nb", "a" * 1025])
def test_an_invalid_cloudwatch_dimension_is_recorded(aws, value):
    datum = {"MetricName": "F1", "Dimensions": [{"Name": "Community", "Value": value}], "Value": 1}
    now = datetime.now(UTC)
    window = Window(now - timedelta(hours=1), now)
    with strict_calls.refused() as found:
        refused = publish(boto3.client("cloudwatch"), "Stresswatch", window, [datum])
    assert len(refused) == len(found) == 1
    assert "Dimensions.Value" in found[0]


@pytest.mark.parametrize("service", ["s3", "sns", "stepfunctions", "cloudwatch", "kinesis"])
def test_every_client_is_checked_whenever_it_was_made(service, monkeypatch):
    seen = []
    monkeypatch.setattr(strict_calls, "faults", lambda model, _: seen.append(model.name) or [])
    calls = {
        "s3": "list_buckets",
        "sns": "list_topics",
        "stepfunctions": "list_state_machines",
        "cloudwatch": "list_dashboards",
        "kinesis": "list_streams",
    }
    with mock_aws():
        getattr(boto3.Session().client(service), calls[service])()
    assert len(seen) == 1
