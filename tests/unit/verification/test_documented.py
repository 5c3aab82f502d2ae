"""Faults that services refuse beyond their models are found before a call."""

import pytest

from verification.aws.service_models import faults, service

TOPIC = {"TopicArn": "arn:aws:sns:us-east-1:123456789012:topic", "Message": "drift"}
PARAMETER = {"Name": "/stresswatch/dev/champion", "Value": "none", "Type": "String"}
MACHINE = {"stateMachineArn": "arn:aws:states:us-east-1:123456789012:stateMachine:scoring"}
OBJECT = {"Bucket": "archive", "Key": "a"}


@pytest.mark.parametrize(
    ("name", "operation", "taken", "member", "values"),
    [
        ("sns", "Publish", TOPIC, "Subject", ("a" * 100, "größe", "two\nlines", " a", "")),
        ("sns", "Publish", TOPIC, "Message", ("", "ä" * 131_073)),
        ("ssm", "PutParameter", PARAMETER, "Value", ("", "a" * 4097, "{{ssm:other}}")),
        ("ssm", "PutParameter", PARAMETER, "Name", ("/aws/champion", "ssm-champion")),
        ("stepfunctions", "StartExecution", MACHINE, "name", ("a b", "a" * 81, "a:b")),
        ("s3", "PutObject", OBJECT, "Key", ("ä" * 513,)),
    ],
)
def test_a_value_excluded_by_the_documentation_is_named(name, operation, taken, member, values):
    model = service(name).operation_model(operation)
    assert faults(model, taken) == []
    for value in values:
        found = faults(model, taken | {member: value})
        assert found
        assert all(one.startswith(f".{member}:") for one in found)
