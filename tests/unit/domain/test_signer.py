"""Links to drift reports open in every region, signed for the bucket's own host there."""

from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from botocore.session import get_session

from stresswatch.monitoring.drift_reports import Signer

REGIONS = [
    region
    for partition in ("aws", "aws-cn", "aws-us-gov", "aws-eusc")
    for region in get_session().get_available_regions("s3", partition)
]
SUFFIXES = {"cn": "amazonaws.com.cn", "eusc": "amazonaws.eu"}


@pytest.fixture
def link(monkeypatch):
    def signed(region):
        monkeypatch.setenv("AWS_DEFAULT_REGION", region)
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
        return urlsplit(Signer("archive", hours=12).link("reports/index.html"))

    return signed


@pytest.mark.parametrize("region", REGIONS)
def test_the_host_is_the_buckets_regional_endpoint(link, region):
    suffix = SUFFIXES.get(region.split("-")[0], "amazonaws.com")
    assert link(region).netloc == f"archive.s3.{region}.{suffix}"


def test_regions_of_every_kind_are_tried():
    assert {"us-east-1", "af-south-1", "eu-central-1", "cn-north-1"} <= set(REGIONS)


def test_links_are_signed_with_version_4_for_the_region(link):
    query = parse_qs(link("af-south-1").query)
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert "/af-south-1/s3/aws4_request" in query["X-Amz-Credential"][0]
    assert query["X-Amz-Expires"] == ["43200"]


def test_a_local_endpoint_has_the_bucket_in_its_path(link, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    signed = link("us-east-1")
    assert (signed.netloc, signed.path) == ("127.0.0.1:4566", "/archive/reports/index.html")
