"""The one module for S3 listings, conditional writes and missing objects."""

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from moto import mock_aws

from stresswatch.aws.s3 import Location, exists, listed, put_if_absent, read, read_if_there

PLACE = Location("archive", "folder/object")


@pytest.fixture
def s3():
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket=PLACE.bucket)
        yield client


def test_a_second_write_changes_nothing_and_returns_false(s3):
    assert put_if_absent(s3, PLACE, b"first", ContentType="text/plain")
    assert not put_if_absent(s3, PLACE, b"second")
    assert read(s3, PLACE) == b"first"
    assert s3.head_object(Bucket=PLACE.bucket, Key=PLACE.key)["ContentType"] == "text/plain"


def test_a_missing_object_reads_as_none(s3):
    assert read_if_there(s3, PLACE) is None
    assert not exists(s3, PLACE)
    put_if_absent(s3, PLACE, b"")
    assert read_if_there(s3, PLACE) == b""
    assert exists(s3, Location(PLACE.bucket, "folder/"))


@pytest.mark.parametrize("call", [read_if_there, lambda *of: put_if_absent(*of, b"")])
def test_a_missing_bucket_is_an_error(s3, call):
    with pytest.raises(ClientError, match="NoSuchBucket"):
        call(s3, Location("elsewhere", PLACE.key))


def test_all_pages_are_listed_after_the_start_key():
    client = boto3.client("s3", region_name="us-east-1")
    asked = {"Bucket": PLACE.bucket, "Prefix": "of/", "StartAfter": "of/0"}
    with Stubber(client) as stubber:
        stubber.add_response(
            "list_objects_v2",
            {"Contents": [{"Key": "of/1"}], "IsTruncated": True, "NextContinuationToken": "more"},
            asked,
        )
        stubber.add_response(
            "list_objects_v2",
            {"Contents": [{"Key": "of/2"}], "IsTruncated": False},
            asked | {"ContinuationToken": "more"},
        )
        found = list(listed(client, PLACE.bucket, "of/", start_after="of/0"))
    assert [one["Key"] for one in found] == ["of/1", "of/2"]
