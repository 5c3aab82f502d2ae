"""The producers' client on moto, as its documentation shows it."""

import doctest

import boto3
import pytest
from moto import mock_aws

from stresswatch.producer import client


@pytest.fixture
def posts_stream():
    with mock_aws():
        boto3.client("kinesis").create_stream(StreamName="posts", ShardCount=1)
        yield


def test_the_documented_client_example_runs(posts_stream):
    (example,) = (
        test
        for test in doctest.DocTestFinder().find(client.Producer, "Producer", globs={})
        if test.examples
    )
    result = doctest.DocTestRunner().run(example)
    assert (result.failed, result.attempted) == (0, 5)
