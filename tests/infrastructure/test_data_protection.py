"""What is encrypted, who is kept out, what is kept."""

import json

import pytest


def test_every_bucket_but_the_access_logs_is_encrypted_with_a_customer_key(template):
    for name, bucket in template.resources("AWS::S3::Bucket").items():
        (rule,) = bucket["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        algorithm = rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"]
        assert algorithm == ("AES256" if "AccessLogs" in name else "aws:kms")


def test_no_bucket_is_public(template):
    for bucket in template.properties("AWS::S3::Bucket"):
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}


def test_every_bucket_refuses_plain_http(template):
    secured = {
        policy["Bucket"]["Ref"]
        for policy in template.properties("AWS::S3::BucketPolicy")
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Deny"
        and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    }
    assert secured == set(template.resources("AWS::S3::Bucket"))


def test_every_bucket_but_the_access_logs_itself_logs_its_accesses(template):
    for name, bucket in template.resources("AWS::S3::Bucket").items():
        assert ("LoggingConfiguration" in bucket["Properties"]) == ("AccessLogs" not in name)


def test_models_are_versioned(template):
    models = template.one("AWS::S3::Bucket", "StorageModels")
    assert models["VersioningConfiguration"] == {"Status": "Enabled"}


def test_quarantined_payloads_have_a_key_of_their_own_and_expire(template):
    def key_of(prefix):
        encryption = template.one("AWS::S3::Bucket", prefix)["BucketEncryption"]
        (rule,) = encryption["ServerSideEncryptionConfiguration"]
        return rule["ServerSideEncryptionByDefault"]["KMSMasterKeyID"]["Fn::GetAtt"][0]

    assert key_of("StorageQuarantine") != key_of("StorageArchive")
    rules = template.one("AWS::S3::Bucket", "StorageQuarantine")["LifecycleConfiguration"]["Rules"]
    assert [rule["ExpirationInDays"] for rule in rules if "ExpirationInDays" in rule] == [7]


def test_streams_topic_queue_and_logs_are_encrypted_with_a_customer_key(template):
    for stream in template.properties("AWS::Kinesis::Stream"):
        assert stream["StreamEncryption"]["EncryptionType"] == "KMS"
    for kind in ("AWS::SNS::Topic", "AWS::SQS::Queue"):
        for properties in template.properties(kind):
            assert "KmsMasterKeyId" in properties
    for group in template.properties("AWS::Logs::LogGroup"):
        assert "KmsKeyId" in group


def test_keys_rotate(template):
    assert all(key["EnableKeyRotation"] for key in template.properties("AWS::KMS::Key"))


def admitted(template, key, service):
    """What a key's own policy lets a service do."""
    statements = template.one("AWS::KMS::Key", key)["KeyPolicy"]["Statement"]
    return [
        statement
        for statement in statements
        if service in json.dumps(statement["Principal"].get("Service", ""))
    ]


def test_cloudwatch_logs_may_use_the_key_of_the_log_groups_and_for_this_stacks_alone(template):
    (statement,) = admitted(template, "StorageKey", "logs.")
    assert {"kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey"} <= set(statement["Action"])
    (groups,) = statement["Condition"]["ArnLike"].values()
    assert groups["Fn::Join"][1][-1] == ":log-group:stresswatch-dev-*"


@pytest.mark.parametrize("service", ["events.amazonaws.com", "cloudwatch.amazonaws.com"])
def test_dead_letters_and_alarms_get_through_to_their_encrypted_queue_and_topic(template, service):
    (statement,) = admitted(template, "StorageKey", service)
    assert statement["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]


def test_no_service_may_use_the_key_of_the_quarantine(template):
    assert admitted(template, "StorageQuarantineKey", "amazonaws.com") == []


@pytest.mark.parametrize("kind", ["AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy"])
def test_topic_and_queue_refuse_plain_http(template, kind):
    for policy in template.properties(kind):
        assert [
            statement
            for statement in policy["PolicyDocument"]["Statement"]
            if statement["Effect"] == "Deny"
            and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        ]


@pytest.mark.parametrize("kind", ["AWS::S3::Bucket", "AWS::Kinesis::Stream", "AWS::KMS::Key"])
def test_production_keeps_its_data_when_the_stack_goes(production, template, kind):
    kept = {resource["DeletionPolicy"] for resource in production.resources(kind).values()}
    gone = {resource["DeletionPolicy"] for resource in template.resources(kind).values()}
    assert (kept, gone) == ({"Retain"}, {"Delete"})


def test_production_cannot_be_deleted_by_accident(production, template):
    assert (production.is_protected, template.is_protected) == (True, False)
