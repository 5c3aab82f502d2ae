"""List prices for us-east-1, in dollars, each with its date and source.

They are from web pages, without AWS's price list. A price without a page on its date is unverified,
and `stresswatch cost` shows the share of such prices. Free tiers are not deducted.
"""

from __future__ import annotations

from typing import NamedTuple


class Price(NamedTuple):
    """The price of one unit, and its source."""

    dollars: float
    unit: str
    source: str
    seen: str
    is_verified: bool = True


_AWS_KMS = "aws.amazon.com/kms/pricing"
_AWS_XRAY = "aws.amazon.com/xray/pricing"
_CLOUDWATCH = "factualminds.com, amazon-cloudwatch-pricing, of 2026-06-13"
_FARGATE = "vantage.sh/blog/fargate-pricing; cloudburn.io of 2026-04-01"
_KINESIS = "several pages from 2023, and c3x.dev/resources/aws/aws_kinesis_stream"
_RECALLED = "pages from 2023 to 2025, unverified"
_SECRETS = "hivebook.wiki, aws-secrets-manager"
_TODAY = "2026-11-24"
_BEFORE = "2025"

PRICES = {
    "lambda GB-second": Price(1.33334e-5, "GB-second, arm64", _RECALLED, _BEFORE, False),
    "lambda request": Price(2e-7, "invocation", _RECALLED, _BEFORE, False),
    "shard-hour": Price(0.015, "shard-hour", _KINESIS, _TODAY),
    "shard-hour kept longer": Price(0.02, "shard-hour beyond 24 h", _KINESIS, _TODAY),
    "put unit": Price(1.4e-8, "25 KB of a record", _RECALLED, "2023", False),
    "stream-hour": Price(0.04, "stream-hour, on demand", _RECALLED, "2023", False),
    "GB into a stream": Price(0.08, "GB, on demand", _RECALLED, "2023", False),
    "GB out of a stream": Price(0.04, "GB, on demand", _RECALLED, "2023", False),
    "GB kept longer": Price(0.10, "GB-month beyond 24 h, on demand", _RECALLED, "2023", False),
    "S3 put": Price(5e-6, "PUT or LIST", _RECALLED, _BEFORE, False),
    "S3 get": Price(4e-7, "GET", _RECALLED, _BEFORE, False),
    "S3 GB-month": Price(0.023, "GB-month", _RECALLED, _BEFORE, False),
    "metric": Price(0.30, "metric and month", "signoz.io/guides/cloudwatch-pricing", _TODAY),
    "alarm": Price(0.10, "alarm and month", _RECALLED, _BEFORE, False),
    "dashboard": Price(3.0, "dashboard and month", _CLOUDWATCH, _TODAY),
    "log GB": Price(0.50, "GB written", _CLOUDWATCH, _TODAY),
    "log GB-month": Price(0.03, "GB-month", _RECALLED, _BEFORE, False),
    "key": Price(1.0, "key and month", _AWS_KMS, _TODAY),
    "key request": Price(3e-6, "request", "wring.co/blog/aws-kms-pricing-guide", _TODAY),
    "secret": Price(0.40, "secret and month", _SECRETS, "2026-11-29"),
    "secret request": Price(5e-6, "request", _SECRETS, "2026-11-29"),
    "trace": Price(5e-6, "trace recorded", _AWS_XRAY, _TODAY),
    "transition": Price(2.5e-5, "transition", _RECALLED, _BEFORE, False),
    "training hour": Price(0.115, "hour of ml.m5.large, training", _RECALLED, _BEFORE, False),
    "TB scanned": Price(5.0, "TB that Athena reads", _RECALLED, _BEFORE, False),
    "endpoint hour": Price(0.115, "hour of ml.m5.large, hosting", _RECALLED, _BEFORE, False),
    "container vCPU-hour": Price(0.03238, "vCPU-hour, Fargate arm64", _FARGATE, _TODAY),
    "container GB-hour": Price(0.00356, "GB-hour, Fargate arm64", _FARGATE, _TODAY),
}
PRICED_INSTANCE = "ml.m5.large"
