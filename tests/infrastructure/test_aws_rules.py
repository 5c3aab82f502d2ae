"""Each check of AWS rules that emulators do not enforce can fail; `make aws-check` runs them."""

import json

import pytest

from cdk_app.settings.stage import LONGEST_NAME
from tests.conftest import PROJECT
from tests.infrastructure.conftest import one
from verification.aws import limits, regions
from verification.aws.rules import RULES, table
from verification.aws.templates import UnknownIntrinsic, longest_named


def test_the_page_has_the_current_table_of_rules():
    assert table() in (PROJECT / "docs/aws-rules.md").read_text()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.says[:60])
def test_each_rule_names_a_source_and_existing_files(rule):
    assert rule.source.startswith("https://")
    named = [part for part in rule.held_by.split("`")[1::2] if part.endswith(".py")]
    assert named
    for path in named:
        assert (PROJECT / path).exists() or (PROJECT / "verification/aws" / path).exists(), path


def reserve(template):
    one(template, "AWS::Lambda::Function")["ReservedConcurrentExecutions"] = 901


def keep_a_named_group(template):
    (group,) = template.resources("AWS::SageMaker::ModelPackageGroup").values()
    group |= {"DeletionPolicy": "RetainExceptOnCreate"}
    group["Properties"]["ModelPackageGroupName"] = "stresswatch-prod"


def keep_what_fails(template):
    (table,) = template.resources("AWS::DynamoDB::Table").values()
    table["DeletionPolicy"] = "Retain"


def fill_the_environment(template):
    variables = one(template, "AWS::Lambda::Function", "Prediction")["Environment"]["Variables"]
    variables["RULES"] = "x" * 4000


def write_a_long_policy(template):
    policy = one(template, "AWS::IAM::Policy", "Prediction")["PolicyDocument"]
    policy["Statement"] *= 40


def write_a_long_policy_into_a_role(template):
    document = {
        "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "a" * 10_240}]
    }
    one(template, "AWS::IAM::Role")["Policies"] = [{"PolicyName": "a", "PolicyDocument": document}]


def name_by_the_account(template):
    bucket = next(iter(template.resources("AWS::S3::Bucket").values()))
    name = {"Fn::Join": ["-", ["models", {"Ref": "AWS::AccountId"}, {"Ref": "AWS::Region"}]]}
    bucket["Properties"]["BucketName"] = name


def name_by_what_has_a_fixed_name(template):
    (table,) = template.resources("AWS::DynamoDB::Table").values()
    (workflow, *_) = template.resources("AWS::StepFunctions::StateMachine")
    table["Properties"]["TableName"] = {"Fn::GetAtt": [workflow, "Name"]}


def warm(template):
    (alias,) = template.resources("AWS::Lambda::Alias").values()
    function = alias["Properties"]["FunctionName"]["Ref"]
    template.resources("AWS::Lambda::Function")[function]["Properties"].pop(
        "ReservedConcurrentExecutions"
    )
    alias["Properties"]["ProvisionedConcurrencyConfig"] = {"ProvisionedConcurrentExecutions": 901}


def look_back_longer_than_a_day(template):
    one(template, "AWS::CloudWatch::Alarm", "DriftAlarm").update(
        {"Period": 1800, "EvaluationPeriods": 49}
    )


def look_back_longer_than_a_week(template):
    one(template, "AWS::CloudWatch::Alarm", "DriftAlarm").update(
        {"Period": 3600, "EvaluationPeriods": 169}
    )


@pytest.mark.parametrize(
    ("check", "break_it", "fault"),
    [
        (limits.reserved_concurrency, reserve, "executions, of 900 that can be"),
        (limits.retained_with_a_fixed_name, keep_a_named_group, "the fixed ModelPackageGroupName"),
        (limits.reserved_concurrency, warm, "executions, of 900 that can be"),
        (limits.retained_with_a_fixed_name, name_by_the_account, "the fixed BucketName"),
        (limits.retained_with_a_fixed_name, name_by_what_has_a_fixed_name, "the fixed TableName"),
        (limits.policy_sizes, write_a_long_policy_into_a_role, "of 10240"),
        (limits.retained_with_a_fixed_name, keep_what_fails, "kept after a failed creation"),
        (limits.environment_sizes, fill_the_environment, "of 4096 bytes"),
        (limits.policy_sizes, write_a_long_policy, "of 10240"),
        (limits.alarm_look_back, look_back_longer_than_a_day, "88200 of 86400 seconds"),
        (limits.alarm_look_back, look_back_longer_than_a_week, "608400 of 604800 seconds"),
    ],
)
def test_an_exceeded_limit_is_found(prod, check, break_it, fault):
    break_it(prod)
    assert any(fault in found for found in check(prod))


@pytest.mark.parametrize(
    ("kind", "property_", "most"),
    [
        ("AWS::Athena::WorkGroup", "Name", 128),
        ("AWS::CloudWatch::Dashboard", "DashboardName", 255),
        ("AWS::DynamoDB::Table", "TableName", 255),
        ("AWS::Events::Rule", "Name", 64),
        ("AWS::IAM::Role", "RoleName", 64),
        ("AWS::Lambda::Function", "FunctionName", 64),
        ("AWS::S3::Bucket", "BucketName", 63),
        ("AWS::SNS::Topic", "TopicName", 256),
        ("AWS::SQS::Queue", "QueueName", 80),
        ("AWS::SageMaker::ModelPackageGroup", "ModelPackageGroupName", 63),
        ("AWS::Scheduler::Schedule", "Name", 64),
        ("AWS::StepFunctions::StateMachine", "StateMachineName", 80),
    ],
)
def test_a_name_over_its_limit_is_found(prod, kind, property_, most):
    one(prod, kind)[property_] = "a" * most
    assert list(limits.name_lengths(prod)) == []
    one(prod, kind)[property_] += "a"
    (found,) = limits.name_lengths(prod)
    assert found.endswith(f"has {most + 1} of {most} characters")


def test_a_name_with_an_unknown_limit_is_found(prod, monkeypatch):
    monkeypatch.setattr(limits, "_LONGEST", {})
    assert any("may be is not known here" in found for found in limits.name_lengths(prod))


def test_reserved_concurrency_in_the_dev_stage_is_found(dev):
    for function in dev.resources("AWS::Lambda::Function").values():
        function["Properties"].pop("ReservedConcurrentExecutions", None)
    assert list(limits.reserved_concurrency(dev)) == []
    one(dev, "AWS::Lambda::Function")["ReservedConcurrentExecutions"] = 1
    assert list(limits.reserved_concurrency(dev)) == [
        "functions reserve 1 executions, of 0 that can be"
    ]


def test_an_oversized_state_machine_definition_is_found(prod, monkeypatch):
    monkeypatch.setattr(limits, "DEFINITION_BYTES", 1000)
    assert list(limits.definition_sizes(prod))


def test_a_region_that_lacks_a_resource_type_is_unsupported(prod, dev):
    assert {"us-east-1", "eu-central-1", "af-south-1"} <= set(regions.supported(prod))
    assert set(regions.supported(prod)) < set(regions.supported(dev))


def test_a_resource_type_missing_from_a_region_is_found(prod):
    (lacking, *_) = set(regions.REGIONS) - set(regions.supported(prod))
    found = list(regions.faults(prod, [lacking]))
    assert any("does not exist in" in fault for fault in found)


def test_an_unknown_property_is_found(prod):
    one(prod, "AWS::Kinesis::Stream")["Shards"] = 2
    assert any("'Shards'" in fault for fault in regions.faults(prod, ["us-east-1"]))


def test_an_unknown_intrinsic_function_is_an_error(prod):
    with pytest.raises(UnknownIntrinsic, match="Fn::ImportValue"):
        prod.resolve({"Fn::ImportValue": "x"})


def test_values_are_resolved_to_what_aws_would_see(prod):
    (name,) = prod.resources("AWS::DynamoDB::Table")
    joined = {"Fn::Join": ["", [{"Fn::GetAtt": [name, "Arn"]}, "/", {"Ref": "AWS::Region"}]]}
    assert prod.resolve(joined) == f"arn:aws:dynamodb:us-east-1:123456789012:table/{name}/us-east-1"
    assert len(longest_named().name) == LONGEST_NAME
    assert json.dumps(prod.resolve(dict(prod.body["Resources"])))
