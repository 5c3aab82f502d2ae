"""Encryption, access, and retention of data."""

import json
import re
from datetime import timedelta

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from cdk_app.bundling import PROJECT
from cdk_app.constructs.platform.functions import UNRESERVED
from cdk_app.settings.errors import InvalidStage
from cdk_app.settings.stages import STAGES
from cdk_app.settings.web_service import WebService
from tests.infrastructure.conftest import said_at_synthesis, synthesize


def test_all_buckets_except_access_logs_use_a_customer_key(any_stage):
    for name, bucket in any_stage.resources("AWS::S3::Bucket").items():
        (rule,) = bucket["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        algorithm = rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"]
        assert algorithm == ("AES256" if "AccessLogs" in name else "aws:kms")


def test_no_bucket_is_public(any_stage):
    for bucket in any_stage.properties("AWS::S3::Bucket"):
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}


def test_every_bucket_denies_plain_http(any_stage):
    secured = {
        policy["Bucket"]["Ref"]
        for policy in any_stage.properties("AWS::S3::BucketPolicy")
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Deny"
        and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    }
    assert secured == set(any_stage.resources("AWS::S3::Bucket"))


def test_all_buckets_except_access_logs_log_their_accesses(any_stage):
    for name, bucket in any_stage.resources("AWS::S3::Bucket").items():
        assert ("LoggingConfiguration" in bucket["Properties"]) == ("AccessLogs" not in name)


def test_models_are_versioned(any_stage):
    models = any_stage.one("AWS::S3::Bucket", "StorageModels")
    assert models["VersioningConfiguration"] == {"Status": "Enabled"}


def test_quarantined_payloads_have_their_own_key_and_expire(template):
    def key_of(prefix):
        encryption = template.one("AWS::S3::Bucket", prefix)["BucketEncryption"]
        (rule,) = encryption["ServerSideEncryptionConfiguration"]
        return rule["ServerSideEncryptionByDefault"]["KMSMasterKeyID"]["Fn::GetAtt"][0]

    assert key_of("StorageQuarantine") != key_of("StorageArchive")
    rules = template.one("AWS::S3::Bucket", "StorageQuarantine")["LifecycleConfiguration"]["Rules"]
    assert [rule["ExpirationInDays"] for rule in rules if "ExpirationInDays" in rule] == [7]


def test_streams_topics_queues_and_logs_use_a_customer_key(any_stage):
    for stream in any_stage.properties("AWS::Kinesis::Stream"):
        assert stream["StreamEncryption"]["EncryptionType"] == "KMS"
    for kind in ("AWS::SNS::Topic", "AWS::SQS::Queue"):
        for properties in any_stage.properties(kind):
            assert "KmsMasterKeyId" in properties
    for group in any_stage.properties("AWS::Logs::LogGroup"):
        assert {"KmsKeyId", "RetentionInDays"} <= set(group)


def test_the_text_digest_key_is_random_and_encrypted(any_stage):
    (secret,) = any_stage.properties("AWS::SecretsManager::Secret")
    assert "StorageKey" in json.dumps(secret["KmsKeyId"])
    assert secret["GenerateSecretString"]["PasswordLength"] >= 64
    assert "SecretString" not in secret


def test_only_four_roles_can_read_the_text_digest_key(any_stage):
    readers = {
        role
        for role in any_stage.resources("AWS::IAM::Role")
        if "secretsmanager:GetSecretValue" in any_stage.allowed(role)
    }
    assert {role.rstrip("0123456789ABCDEF") for role in readers} == {
        "PredictionPredictorRole",
        "QualityQualityRole",
        "RetrainingCompareRole",
        "RetrainingProbationRole",
    }
    for role in readers:
        assert not [one for one in any_stage.allowed(role) if "PutSecret" in one]


def test_keys_rotate(any_stage):
    assert all(key["EnableKeyRotation"] for key in any_stage.properties("AWS::KMS::Key"))


def admitted(template, key, service):
    """What a key's own policy lets a service do."""
    statements = template.one("AWS::KMS::Key", key)["KeyPolicy"]["Statement"]
    return [
        statement
        for statement in statements
        if service in json.dumps(statement["Principal"].get("Service", ""))
    ]


def test_cloudwatch_logs_may_use_the_key_only_for_this_stack(template):
    (statement,) = admitted(template, "StorageKey", "logs.")
    assert {"kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey"} <= set(statement["Action"])
    (groups,) = statement["Condition"]["ArnLike"].values()
    assert [group["Fn::Join"][1][-1] for group in groups] == [
        ":log-group:stresswatch-dev-*",
        ":log-group:/aws/vendedlogs/stresswatch-dev-*",
    ]


@pytest.mark.parametrize("service", ["events.amazonaws.com", "cloudwatch.amazonaws.com"])
def test_dead_letters_and_alarms_reach_their_encrypted_targets(template, service):
    (statement,) = admitted(template, "StorageKey", service)
    assert statement["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]


def test_no_service_may_use_the_quarantine_key(any_stage):
    assert admitted(any_stage, "StorageQuarantineKey", "amazonaws.com") == []


@pytest.mark.parametrize("kind", ["AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy"])
def test_topics_and_queues_deny_plain_http(any_stage, kind):
    for policy in any_stage.properties(kind):
        assert [
            statement
            for statement in policy["PolicyDocument"]["Statement"]
            if statement["Effect"] == "Deny"
            and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        ]


@pytest.mark.parametrize(
    "kind",
    [
        "AWS::S3::Bucket",
        "AWS::Kinesis::Stream",
        "AWS::KMS::Key",
        "AWS::SecretsManager::Secret",
    ],
)
def test_production_keeps_its_data_when_the_stack_is_deleted(production, template, kind):
    kept = {resource["DeletionPolicy"] for resource in production.resources(kind).values()}
    gone = {resource["DeletionPolicy"] for resource in template.resources(kind).values()}
    assert (kept, gone) == ({"RetainExceptOnCreate"}, {"Delete"})


def kept(template):
    """Resources that outlive their stack, by logical id."""
    return {
        name: resource
        for name, resource in template.body["Resources"].items()
        if resource.get("DeletionPolicy", "Delete") != "Delete"
    }


def test_resources_of_a_failed_first_deployment_are_deleted(any_stage):
    for name, resource in kept(any_stage).items():
        assert resource["DeletionPolicy"] == "RetainExceptOnCreate", name
        assert resource["UpdateReplacePolicy"] == "Retain", name
        assert not resource["Properties"].get("DeletionProtectionEnabled"), (
            f"{name} could not be deleted when the first deployment fails"
        )


def test_retained_resources_have_generated_names(any_stage):
    """A literal name, or one made only from the region and account, is fixed."""
    for name, resource in kept(any_stage).items():
        for setting, value in resource["Properties"].items():
            if setting.endswith("Name") or setting in identifiers(resource["Type"]):
                assert is_of_this_stack(value), f"{setting} of {name} is {value}"


def identifiers(kind):
    """The properties by which AWS identifies a resource of a type."""
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
    return {path.removeprefix("/properties/") for path in schema["primaryIdentifier"]}


def is_of_this_stack(value):
    text = json.dumps(value)
    return "AWS::StackId" in text or bool(re.search(r'"(Ref|Fn::GetAtt)": \[?"(?!AWS::)', text))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("stresswatch-prod", False),
        ({"Fn::Join": ["-", ["a", {"Ref": "AWS::Region"}]]}, False),
        ({"Fn::Join": ["-", ["a", {"Ref": "AWS::StackId"}]]}, True),
        ({"Fn::GetAtt": ["Bucket", "Arn"]}, True),
    ],
)
def test_fixed_and_stack_specific_names_are_distinguished(value, expected):
    assert is_of_this_stack(value) is expected


def test_production_cannot_be_deleted_by_accident(production, template):
    assert (production.is_protected, template.is_protected) == (True, False)


def reserved_concurrency(template):
    return {
        name: function["Properties"]["ReservedConcurrentExecutions"]
        for name, function in template.resources("AWS::Lambda::Function").items()
        if "ReservedConcurrentExecutions" in function["Properties"]
    }


def test_only_production_reserves_concurrency(template, staging):
    assert not reserved_concurrency(template)
    assert not reserved_concurrency(staging)


def test_the_page_on_stages_says_how_much_production_reserves(production):
    """The account needs a hundred more, which Lambda keeps for functions without a reservation."""
    total = sum(reserved_concurrency(production).values())
    page = (PROJECT / "docs" / "stages.md").read_text()
    assert f"`prod` reserves {total} concurrent executions" in page
    assert f"needs {total + UNRESERVED}" in page


def test_synthesis_reports_the_required_account_concurrency(tmp_path, production):
    total = sum(reserved_concurrency(production).values())
    needed = f"the account and region need {total + UNRESERVED}"
    for stage, told in (("dev", False), ("prod", True)):
        synthesize(stage, tmp_path / stage)
        assert any(needed in one for one in said_at_synthesis(tmp_path / stage)) is told


def test_a_stage_can_reserve_concurrency_for_each_function(tmp_path, monkeypatch):
    stage = STAGES["dev"].changed(serving={"reserves_concurrency": True})
    monkeypatch.setitem(STAGES, "dev", stage)
    template = synthesize("dev", tmp_path)
    reserved = reserved_concurrency(template)
    assert set(reserved) == set(template.resources("AWS::Lambda::Function"))
    predictor = [count for name, count in reserved.items() if name.startswith("Prediction")]
    web = {count for name, count in reserved.items() if name.startswith("WebService")}
    scoring = [count for name, count in reserved.items() if name.startswith("Scoring")]
    settling = [count for name, count in reserved.items() if name.startswith("MonitoringSettle")]
    others = {
        count
        for name, count in reserved.items()
        if not name.startswith(("Prediction", "WebService", "Scoring", "MonitoringSettle"))
    }
    assert (predictor, scoring, settling, others) == ([10], [2], [2], {5})
    assert web == {WebService().concurrency}


def test_less_predictor_concurrency_than_shards_is_rejected():
    assert STAGES["staging"].changed(streaming={"shards": 11}).streaming.batches_at_once == 11
    with pytest.raises(InvalidStage, match="Lambda would throttle the mapping"):
        STAGES["prod"].changed(streaming={"shards": 51})


def test_asynchronous_invocations_have_a_dead_letter_queue(any_stage):
    """Every target of a rule or schedule except the queue of batches, which is itself final."""
    asynchronous = set()
    targets = [
        *(rule["Targets"] for rule in any_stage.properties("AWS::Events::Rule")),
        *([one["Target"]] for one in any_stage.properties("AWS::Scheduler::Schedule")),
    ]
    for together in targets:
        for target in together:
            resource = json.dumps(target["Arn"])
            if "FailedBatchesQueue" not in resource:
                assert "DeadLettersQueue" in json.dumps(target["DeadLetterConfig"])
            asynchronous |= {
                name for name in any_stage.resources("AWS::Lambda::Function") if name in resource
            }
    with_dead_letters = {
        name
        for name, function in any_stage.resources("AWS::Lambda::Function").items()
        if "DeadLettersQueue" in json.dumps(function["Properties"].get("DeadLetterConfig"))
    }
    assert asynchronous == with_dead_letters
    assert len(asynchronous) == any_stage.is_protected, "the registry's, which a rule invokes"


def test_no_role_deletes_anything(any_stage):
    for role in any_stage.resources("AWS::IAM::Role"):
        deleting = {action for action in any_stage.allowed(role) if "Delete" in action}
        assert deleting <= {"logs:DeleteLogDelivery"}


def test_queues_keep_messages_for_fourteen_days(any_stage):
    for queue in any_stage.properties("AWS::SQS::Queue"):
        assert queue["MessageRetentionPeriod"] == timedelta(days=14).total_seconds()


POLICIES = {
    "AWS::KMS::Key": "KeyPolicy",
    "AWS::S3::BucketPolicy": "PolicyDocument",
    "AWS::SNS::TopicPolicy": "PolicyDocument",
    "AWS::SQS::QueuePolicy": "PolicyDocument",
}
DOES_NOT_SAY_ACCOUNT = ("events.amazonaws.com", "logs.")
"""Services that may omit the account in calls to KMS: the condition applies if they send it."""


@pytest.mark.parametrize("kind", POLICIES)
def test_services_may_act_only_for_this_account(any_stage, kind):
    found = [
        (service, statement.get("Condition", {}))
        for properties in any_stage.properties(kind)
        for statement in properties[POLICIES[kind]]["Statement"]
        if statement["Effect"] == "Allow"
        for service in services(statement["Principal"])
    ]
    assert found
    for service, conditions in found:
        is_silent = kind == "AWS::KMS::Key" and service.startswith(DOES_NOT_SAY_ACCOUNT)
        operator = "StringEqualsIfExists" if is_silent else "StringEquals"
        assert conditions[operator]["aws:SourceAccount"] == {"Ref": "AWS::AccountId"}, service


def services(principal):
    """The services among principals, by the prefixes of their names."""
    if not isinstance(principal, dict) or "Service" not in principal:
        return []
    named = principal["Service"]
    named = named if isinstance(named, list) else [named]
    return [one if isinstance(one, str) else one["Fn::Join"][1][0] for one in named]


def test_service_logs_add_nothing_to_the_accounts_log_policy(any_stage):
    """Their groups have a special prefix, which the key's policy allows."""
    targets = json.dumps(
        [
            *(
                one["LoggingConfiguration"]
                for one in any_stage.properties("AWS::StepFunctions::StateMachine")
            ),
            *(one["AccessLogSettings"] for one in any_stage.properties("AWS::ApiGatewayV2::Stage")),
        ]
    )
    named = {
        name: json.dumps(group["Properties"]["LogGroupName"])
        for name, group in any_stage.resources("AWS::Logs::LogGroup").items()
        if name in targets
    }
    assert len(named) == 3 + bool(any_stage.resources("AWS::ApiGatewayV2::Stage"))
    for name in named.values():
        assert name.startswith('{"Fn::Join": ["", ["/aws/vendedlogs/stresswatch-')
        assert "AWS::StackId" in name, "a group that is still there would be in the next one's way"
    key = json.dumps(any_stage.one("AWS::KMS::Key", "StorageKey")["KeyPolicy"])
    assert re.search(r":log-group:/aws/vendedlogs/stresswatch-\w+-\*", key)
