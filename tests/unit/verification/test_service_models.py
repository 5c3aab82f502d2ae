"""Faults that a service's model excludes: patterns, limits, enumerations and required members."""

import re

import pytest
from botocore.session import get_session

from verification.aws.patterns import compiled
from verification.aws.service_models import all_faults, faults, service

USED = (
    "apigatewayv2",
    "athena",
    "cloudformation",
    "cloudwatch",
    "dynamodb",
    "events",
    "glue",
    "kinesis",
    "kms",
    "lambda",
    "logs",
    "s3",
    "sagemaker",
    "sns",
    "sqs",
    "ssm",
    "stepfunctions",
    "sts",
)
"""The services that this project calls."""

GROUP = {"ModelPackageGroupName": "stresswatch-dev"}


def package(**members):
    return faults(service("sagemaker").operation_model("CreateModelPackage"), GROUP | members)


def test_a_valid_call_has_no_faults():
    assert package(CustomerMetadataProperties={"verdict": "rejected: F1"}) == []


@pytest.mark.parametrize(
    ("members", "fault"),
    [
        ({"CustomerMetadataProperties": {"verdict": "rejected: F1, Brier"}}, r"of the pattern"),
        ({"CustomerMetadataProperties": {"a,b": "c"}}, r"as a key\].*of the pattern"),
        ({"CustomerMetadataProperties": {"verdict": "a" * 257}}, r"257 of at most 256"),
        ({"ModelPackageDescription": "a" * 1025}, r"1025 of at most 1024"),
        ({"ModelApprovalStatus": "Perhaps"}, r"'Perhaps' is none of Approved"),
        ({"ClientToken": "v1.0"}, r"ClientToken: 'v1.0' is not of the pattern"),
        ({"Tags": [{"Key": "k", "Value": "v"}] * 51}, r"Tags: .* 51 of at most 50"),
    ],
)
def test_an_invalid_value_is_named_with_its_path(members, fault):
    (found,) = package(**members)
    assert re.search(fault, found)


def test_numbers_are_checked_against_their_range():
    receive = service("sqs").operation_model("ReceiveMessage")
    assert faults(receive, {"QueueUrl": "q", "MaxNumberOfMessages": 10}) == []
    history = service("stepfunctions").operation_model("ListExecutions")
    assert faults(history, {"maxResults": 1001}) == [".maxResults: 1001 has 1001 of at most 1000"]


def test_a_character_beyond_the_basic_plane_counts_twice_as_in_java():
    assert package(ModelPackageDescription="😀" * 513)[0].startswith(".ModelPackageDescription")


def test_all_faults_includes_botocores_findings():
    found = all_faults(service("ssm").operation_model("PutParameter"), {"Name": 3})
    assert any('Missing required parameter in input: "Value"' in one for one in found)
    assert any("Invalid type for parameter Name" in one for one in found)


@pytest.mark.parametrize("name", USED)
def test_every_pattern_of_the_used_services_is_readable(name):
    model = get_session().get_service_model(name)
    patterns = {model.shape_for(one).metadata.get("pattern") for one in model.shape_names}
    for pattern in patterns - {None}:
        compiled(pattern)
