"""Buckets with records, and the services beside S3."""

import json

import boto3
import pytest
from moto import mock_aws

from tests.integration.forget.kept import Kept


@pytest.fixture(scope="module")
def services():
    """The services beside S3, which no test changes: clients take long to make."""
    with mock_aws():
        kinesis, stepfunctions = boto3.client("kinesis"), boto3.client("stepfunctions")
        kinesis.create_stream(StreamName="posts", ShardCount=1)
        machine = stepfunctions.create_state_machine(
            name="retraining",
            roleArn="arn:aws:iam::123456789012:role/retraining",
            definition=json.dumps({"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}),
        )
        yield {"kinesis": kinesis, "stepfunctions": stepfunctions, "arn": machine}


@pytest.fixture
def kept(services):
    return Kept(services)
