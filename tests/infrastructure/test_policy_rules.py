"""IAM statements that would allow nothing, or anyone, are found."""

import pytest

from tests.infrastructure.conftest import one
from verification.aws import permissions, principals

TRUST = "AWS::IAM::Policy"
GROUP = "arn:aws:sagemaker:us-east-1:123456789012:model-package-group/stresswatch-prod"
PACKAGES = "arn:aws:sagemaker:us-east-1:123456789012:model-package/stresswatch-prod/*"
LIST = "sagemaker:ListModelPackages"
TABLE = "arn:aws:dynamodb:us-east-1:123456789012:table/journal"
PARAMETER = "arn:aws:ssm:us-east-1:123456789012:parameter"
TOPIC = "arn:aws:sns:us-east-1:123456789012:topic"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:f"
LOGS = "arn:aws:logs:us-east-1:123456789012:log-group:g"
KEYS = "arn:aws:s3:::bucket"


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ({"Action": LIST, "Resource": PACKAGES}, []),
        ({"Action": LIST, "Resource": GROUP}, ["is for model-package, and not for", "no type"]),
        ({"Action": "sagemaker:ListModelPackage", "Resource": "*"}, ["there is no action"]),
        ({"Action": "sagemaker:ListModelPack*", "Resource": "*"}, []),
        ({"Action": "sagemaker:ListModelPax*", "Resource": "*"}, ["no action of the pattern"]),
        ({"Action": "sagemakr:*", "Resource": "*"}, ["no action of the pattern"]),
        ({"Action": "s3:ListBucket", "Resource": "arn:aws:s3:::bucket"}, []),
        ({"Action": "s3:ListBucket", "Resource": "arn:aws:s3:::bucket/*"}, ["is for ", "no type"]),
        ({"Action": "S3:GetObject", "Resource": "arn:aws:s3:::bucket/key"}, []),
        ({"Action": "dynamodb:PutItem", "Resource": f"{TABLE}s*"}, []),
        ({"Action": "dynamodb:PutItem", "Resource": f"{TABLE}/index/i"}, ["is for ", "no type"]),
        ({"Action": "dynamodb:Query", "Resource": f"{TABLE}/index/i"}, []),
        ({"Action": "ssm:GetParameter", "Resource": f"{PARAMETER}/a/champion"}, []),
        ({"Action": "ssm:GetParameter", "Resource": f"{PARAMETER}//a/champion"}, ["an empty part"]),
        ({"Action": "s3:GetObject", "Resource": f"{KEYS}/a//b:c/*"}, []),
        ({"Action": "sns:Publish", "Resource": TOPIC}, []),
        ({"Action": "sns:Publish", "Resource": f"{TOPIC}:subscription"}, ["is for ", "no type"]),
        ({"Action": "lambda:InvokeFunction", "Resource": f"{FUNCTION}:live"}, []),
        ({"Action": "lambda:InvokeFunction", "Resource": f"{FUNCTION}:*"}, []),
        (
            {"Action": "lambda:InvokeFunction", "Resource": f"{FUNCTION}:a:b"},
            ["is for ", "no type"],
        ),
        ({"Action": "logs:PutLogEvents", "Resource": f"{LOGS}:*"}, []),
        ({"Action": "dynamodb:GetRecords", "Resource": f"{TABLE}/stream/2026-11-29T00:00:00"}, []),
        (
            {"Action": LIST, "Resource": "*", "Condition": {"StringEqual": {"aws:userid": "a"}}},
            ["there is no condition operator StringEqual"],
        ),
        (
            {"Action": [LIST, "s3:GetObject"], "Resource": [PACKAGES, "arn:aws:s3:::bucket/key"]},
            [],
        ),
        (
            {
                "Action": "cloudwatch:PutMetricData",
                "Resource": "*",
                "Condition": {"StringEquals": {"cloudwatch:nameSpaces": "Stresswatch"}},
            },
            ["does not know the condition key cloudwatch:nameSpaces"],
        ),
        (
            {
                "Action": "cloudwatch:PutMetricData",
                "Resource": "*",
                "Condition": {"StringEquals": {"cloudwatch:namespace": "Stresswatch"}},
            },
            [],
        ),
    ],
)
def test_a_statement_that_allows_nothing_is_found(statement, found):
    said = list(permissions.statement_faults({"Effect": "Allow", **statement}))
    assert len(said) == len(found)
    assert all(part in fault for part, fault in zip(found, said, strict=True))


def test_every_statement_of_a_stage_is_checked(prod):
    of_policies = sum(
        len(policy["PolicyDocument"]["Statement"]) for _, policy in prod.properties(TRUST)
    )
    assert len(list(permissions.statements(prod))) > of_policies > 100


@pytest.mark.parametrize(
    ("one", "other", "overlaps"),
    [
        ("a:*", "a:b", True),
        ("a:*:c", "a:*", True),
        ("*b", "a*", True),
        ("a:*", "b:*", False),
        ("a", "a*", True),
        ("", "", True),
        ("abc", "ab", False),
        ("a:NAME", "a:b", True),
        ("a:NAME", "a:b:c", False),
        ("a:NAME", "a:b*", True),
        ("a:NAME:NAME", "a:b:c", True),
        ("a:NAME:d", "a:NAME:d", True),
        ("NAME", "", True),
    ],
)
def test_patterns_overlap_when_a_text_matches_both(one, other, overlaps):
    one, other = (pattern.replace("NAME", permissions.NAME) for pattern in (one, other))
    assert permissions.overlap(one, other) is overlaps
    assert permissions.overlap(other, one) is overlaps


def let(template, kind, statement):
    """Replace the statement that allows in each policy of a type."""
    for policy in template.resources(kind).values():
        policy["Properties"]["PolicyDocument"]["Statement"] = [
            {"Effect": "Allow", "Action": "*", "Resource": "*", **statement}
        ]


CLOUDWATCH = {"Service": "cloudwatch.amazonaws.com"}
OURS = {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}


@pytest.mark.parametrize(
    "statement",
    [
        {"Principal": CLOUDWATCH},
        {"Principal": "*"},
        {"Principal": {"AWS": "*"}},
        {"Principal": CLOUDWATCH, "Condition": {"StringLike": {"aws:SourceAccount": "*"}}},
        {"Principal": CLOUDWATCH, "Condition": {"StringNotEquals": OURS}},
        {"Principal": CLOUDWATCH, "Condition": {"StringEqualsIfExists": OURS}},
        {"Principal": CLOUDWATCH, "Condition": {"Null": {"aws:SourceAccount": "true"}}},
        {"Principal": CLOUDWATCH, "Condition": {"StringEquals": {"aws:SourceAccount": "1" * 12}}},
        {"Principal": CLOUDWATCH, "Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:sns:*"}}},
        {"Principal": CLOUDWATCH, "Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::*"}}},
    ],
)
@pytest.mark.parametrize("kind", ["AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy"])
def test_a_service_that_acts_for_any_account_is_found(prod, kind, statement):
    let(prod, kind, statement)
    assert any("may act for any account" in found for found in principals.faults(prod))


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": OURS},
        {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::bucket"}},
        {"ArnLike": {"aws:SourceArn": {"Fn::Sub": "arn:aws:sns:*:${AWS::AccountId}:*"}}},
    ],
)
def test_a_service_that_acts_only_for_this_account_is_accepted(prod, condition):
    let(prod, "AWS::SNS::TopicPolicy", {"Principal": CLOUDWATCH, "Condition": condition})
    assert list(principals.faults(prod)) == []


def test_a_function_callable_for_any_account_is_found(prod):
    one(prod, "AWS::Lambda::Permission").pop("SourceArn")
    (found,) = principals.faults(prod)
    assert "events.amazonaws.com may act for any account" in found
