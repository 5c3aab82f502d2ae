"""Permissions of each role."""

import json

import pytest

from tests.infrastructure.conftest import LOG_DELIVERY, TRACING, actions

# These have no resource-level permission; https://docs.aws.amazon.com/service-authorization/
WITHOUT_RESOURCE = {
    "cloudwatch:DescribeAlarms",
    "cloudwatch:PutMetricData",
    "ecr:GetAuthorizationToken",
    *LOG_DELIVERY,
    *TRACING,
}


def every_statement(template):
    return [
        statement
        for policy in template.properties("AWS::IAM::Policy")
        for statement in policy["PolicyDocument"]["Statement"]
    ]


def test_no_role_policy_has_wildcard_actions(template):
    for statement in every_statement(template):
        assert not [action for action in actions(statement) if "*" in action]


def test_only_the_account_has_wildcard_actions_in_resource_policies(template):
    """Except the account's own statement in a key's policy, which is needed to manage the key."""
    documents = [
        resource["Properties"].get("KeyPolicy") or resource["Properties"].get("PolicyDocument")
        for resource in template.body["Resources"].values()
    ]
    patterns = [
        (action, json.dumps(statement["Principal"]).partition(":iam::")[2])
        for document in filter(None, documents)
        for statement in document["Statement"]
        if statement["Effect"] == "Allow"
        for action in actions(statement)
        if "*" in action
    ]
    assert {action for action, _ in patterns} == {"kms:*"}
    assert all(":root" in principal for _, principal in patterns)


def test_wildcard_resources_are_only_for_actions_that_need_them(template):
    for statement in every_statement(template):
        if statement["Resource"] == "*":
            assert set(actions(statement)) <= WITHOUT_RESOURCE


def test_no_role_has_a_managed_policy(template):
    for role in template.properties("AWS::IAM::Role"):
        assert "ManagedPolicyArns" not in role


QUERIES = {
    "athena:GetQueryExecution",
    "athena:GetQueryResults",
    "athena:StartQueryExecution",
    "athena:StopQueryExecution",
    "glue:GetDatabase",
    "glue:GetPartitions",
    "glue:GetTable",
    "s3:AbortMultipartUpload",
    "s3:GetBucketLocation",
    "s3:ListMultipartUploadParts",
}
"""Permissions for Athena, beside reading the data and writing the result."""
LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}
TRACES = {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}
KEYS = {"kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"}


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        (
            "PredictionPredictorRole",
            {
                "kinesis:DescribeStream",
                "kinesis:DescribeStreamSummary",
                "kinesis:GetRecords",
                "kinesis:GetShardIterator",
                "kinesis:ListShards",
                "kinesis:PutRecords",
                "s3:GetObject",
                "s3:ListBucket",
                "s3:PutObject",
                "secretsmanager:GetSecretValue",
                "ssm:GetParameter",
            },
        ),
        (
            "RetrainingDatasetRole",
            {"s3:GetObject", "s3:ListBucket", "s3:PutObject", "ssm:GetParameter"},
        ),
        (
            "RetrainingGateRole",
            {"s3:GetObject", "s3:ListBucket", "s3:PutObject", "ssm:GetParameter"},
        ),
        (
            "RetrainingPromoteRole",
            {"dynamodb:GetItem", "s3:GetObject", "ssm:GetParameter", "ssm:PutParameter"},
        ),
        (
            "RetrainingAdmissionRole",
            {
                "dynamodb:GetItem",
                "dynamodb:PutItem",
                "ssm:GetParameter",
                "states:DescribeExecution",
            },
        ),
        (
            "QualityQualityRole",
            {
                *QUERIES,
                "cloudwatch:PutMetricData",
                "s3:GetObject",
                "s3:ListBucket",
                "s3:PutObject",
                "secretsmanager:GetSecretValue",
                "ssm:GetParameter",
            },
        ),
        (
            "WebServiceApiRole",
            {"s3:GetObject", "s3:ListBucket", "s3:PutObject", "ssm:GetParameter"},
        ),
        ("RetrainingShadowRole", {"s3:GetObject", "ssm:PutParameter"}),
        (
            "RetrainingCompareRole",
            {
                *QUERIES,
                "s3:GetObject",
                "s3:ListBucket",
                "s3:PutObject",
                "secretsmanager:GetSecretValue",
                "ssm:GetParameter",
            },
        ),
        (
            "RetrainingProbationRole",
            {
                *QUERIES,
                "dynamodb:GetItem",
                "dynamodb:PutItem",
                "s3:GetObject",
                "s3:ListBucket",
                "s3:PutObject",
                "secretsmanager:GetSecretValue",
                "ssm:GetParameter",
                "ssm:PutParameter",
            },
        ),
        ("RetrainingNotifyRole", {"sns:Publish"}),
        ("RetrainingApprovalRole", {"dynamodb:PutItem"}),
        ("ScoringScoringRole", {"s3:GetObject", "s3:PutObject"}),
        ("MonitoringPlanRole", {"s3:GetObject", "s3:ListBucket"}),
        ("MonitoringSettleRole", {"s3:GetObject", "s3:ListBucket", "s3:PutObject"}),
        (
            "DriftDriftRole",
            {
                "cloudwatch:PutMetricData",
                "s3:GetObject",
                "s3:ListBucket",
                "s3:PutObject",
                "sns:Publish",
                "ssm:GetParameter",
            },
        ),
    ],
)
def test_a_function_has_exactly_the_permissions_it_needs(template, role, expected):
    assert template.allowed(role) - LOGS - TRACES - KEYS == expected


def test_the_training_job_may_only_read_data_sets_and_write_output(template):
    assert template.allowed("RetrainingTrainingRole") - KEYS == {
        "cloudwatch:PutMetricData",
        "ecr:BatchCheckLayerAvailability",
        "ecr:BatchGetImage",
        "ecr:GetAuthorizationToken",
        "ecr:GetDownloadUrlForLayer",
        "kms:CreateGrant",
        "kms:Encrypt",
        "logs:CreateLogGroup",
        "logs:CreateLogStream",
        "logs:DescribeLogStreams",
        "logs:PutLogEvents",
        "s3:GetObject",
        "s3:ListBucket",
        "s3:PutObject",
    }
    objects = {
        action: json.dumps(statement["Resource"])
        for statement in template.statements("RetrainingTrainingRole")
        for action in actions(statement)
        if action in {"s3:GetObject", "s3:PutObject"}
    }
    assert "/datasets/v*" in objects["s3:GetObject"]
    assert "/training-output/*" in objects["s3:PutObject"]


@pytest.mark.parametrize(
    ("parameter", "roles"),
    [
        ("champion", {"RetrainingPromoteRole", "RetrainingProbationRole"}),
        ("shadow", {"RetrainingShadowRole", "RetrainingProbationRole"}),
    ],
)
def test_only_the_listed_roles_may_change_the_champion_or_the_shadow(template, parameter, roles):
    movers = {
        role["Ref"].rstrip("0123456789ABCDEF")
        for policy in template.properties("AWS::IAM::Policy")
        for statement in policy["PolicyDocument"]["Statement"]
        for role in policy["Roles"]
        if "ssm:PutParameter" in actions(statement)
        and f'"/{parameter}"]]}}' in json.dumps(statement["Resource"])
    }
    assert movers == roles


def test_metrics_are_written_only_to_the_projects_namespace(template):
    for role in ("DriftDriftRole", "QualityQualityRole"):
        (statement,) = [
            statement
            for statement in template.statements(role)
            if "cloudwatch:PutMetricData" in actions(statement)
        ]
        assert statement["Condition"] == {"StringEquals": {"cloudwatch:namespace": "Stresswatch"}}


def test_the_workflow_may_run_tag_and_await_training_jobs(template):
    allowed = template.allowed("RetrainingWorkflowRole")
    assert {
        "sagemaker:AddTags",
        "sagemaker:CreateTrainingJob",
        "sagemaker:DescribeTrainingJob",
        "sagemaker:ListTags",
        "sagemaker:StopTrainingJob",
        "events:PutRule",
        "events:PutTargets",
        "events:DescribeRule",
        "iam:PassRole",
    } <= allowed
    rule = json.dumps(template.statements("RetrainingWorkflowRole"))
    assert "rule/StepFunctionsGetEventsForSageMakerTrainingJobsRule" in rule


def test_the_workflow_may_pass_a_role_only_to_sagemaker(template):
    (statement,) = [
        statement
        for statement in template.statements("RetrainingWorkflowRole")
        if "iam:PassRole" in actions(statement)
    ]
    assert statement["Condition"] == {
        "StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}
    }
    assert "TrainingRole" in json.dumps(statement["Resource"])
