"""Check quotas and limits that AWS enforces at stack creation, and emulators do not.

Each function takes a template and returns violations as sentences.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from verification.aws.templates import REGION, Template

ACCOUNT_CONCURRENCY = 1000
UNRESERVED_CONCURRENCY = 100
NEW_ACCOUNT_STAGES = frozenset({"dev", "staging"})
"""Stages for new accounts, in which no concurrency can be reserved."""
ENVIRONMENT_BYTES = 4096
_ARN_SPARE = 64
"""Maximum bytes by which a generated name is longer than the logical id."""
INLINE_POLICY_CHARACTERS = 10_240
KEY_POLICY_BYTES = 32_768
DEFINITION_BYTES = 1_048_576
DAY_SECONDS = 86_400
_RETAINED = frozenset({"Retain", "RetainExceptOnCreate"})


def reserved_concurrency(template: Template) -> Iterator[str]:
    """Check that the account's concurrency covers the functions' reservations.

    Lambda keeps 100 executions unreserved, of 1,000 in an account by default; new accounts often
    begin with 10 in total.
    https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
    """
    reserved = sum(
        properties.get("ReservedConcurrentExecutions", 0)
        for _, properties in template.properties("AWS::Lambda::Function")
    )
    reserved += sum(_provisioned_beside_reserved(template))
    is_new = template.stage in NEW_ACCOUNT_STAGES
    most = 0 if is_new else ACCOUNT_CONCURRENCY - UNRESERVED_CONCURRENCY
    if reserved > most:
        yield f"functions reserve {reserved} executions, of {most} that can be"


def _provisioned_beside_reserved(template: Template) -> Iterator[int]:
    """Yield provisioned concurrency of functions without a reservation, from the account's."""
    functions = template.resources("AWS::Lambda::Function")
    for alias in template.resources("AWS::Lambda::Alias").values():
        given = alias["Properties"].get("ProvisionedConcurrencyConfig", {})
        function = functions[alias["Properties"]["FunctionName"]["Ref"]]["Properties"]
        if "ReservedConcurrentExecutions" not in function:
            yield given.get("ProvisionedConcurrentExecutions", 0)


def retained_with_a_fixed_name(template: Template) -> Iterator[str]:
    """Check that retained resources do not block the names of the next stack.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-deletionpolicy.html
    """
    for name, resource in template.body["Resources"].items():
        kept = {resource.get(policy) for policy in ("DeletionPolicy", "UpdateReplacePolicy")}
        if not kept & _RETAINED:
            continue
        if resource.get("DeletionPolicy") == "Retain":
            yield f"{name} is kept after a failed creation: its policy is not RetainExceptOnCreate"
        for property_ in _naming(resource["Type"]):
            given = resource.get("Properties", {}).get(property_)
            if given is not None and not _is_of_stack(template, given):
                yield f"{name} is kept, and has the fixed {property_} {json.dumps(given)}"


def environment_sizes(template: Template) -> Iterator[str]:
    """Check that each function's variables fit, including generated names.

    https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
    """
    for name, function in template.resources("AWS::Lambda::Function").items():
        given = function["Properties"].get("Environment", {}).get("Variables", {})
        variables = template.resolve(given)
        size = sum(len(f"{key}{value}".encode()) for key, value in variables.items())
        size += _ARN_SPARE * sum(not isinstance(value, str) for value in given.values())
        if size > ENVIRONMENT_BYTES:
            yield f"{name}: its variables take {size} of {ENVIRONMENT_BYTES} bytes"


def policy_sizes(template: Template) -> Iterator[str]:
    """Check that the inline policies of each role, and each key's policy, fit.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html
    """
    sizes: dict[str, int] = {}
    for _, properties in template.properties("AWS::IAM::Policy"):
        for role in properties.get("Roles", []):
            size = len(_compact(properties["PolicyDocument"]))
            sizes[role] = sizes.get(role, 0) + size
    for role, properties in template.properties("AWS::IAM::Role"):
        inner = (len(_compact(one["PolicyDocument"])) for one in properties.get("Policies", []))
        sizes[role] = sizes.get(role, 0) + sum(inner)
    for role, size in sizes.items():
        if size > INLINE_POLICY_CHARACTERS:
            yield f"{role}: its inline policies take {size} of {INLINE_POLICY_CHARACTERS}"
    for name, properties in template.properties("AWS::KMS::Key"):
        size = len(_compact(properties["KeyPolicy"]))
        if size > KEY_POLICY_BYTES:
            yield f"{name}: its policy takes {size} of {KEY_POLICY_BYTES} bytes"


def definition_sizes(template: Template) -> Iterator[str]:
    """Check that each state machine's definition fits.

    https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
    """
    for name, properties in template.properties("AWS::StepFunctions::StateMachine"):
        if (size := len(properties["DefinitionString"].encode())) > DEFINITION_BYTES:
            yield f"{name}: its definition takes {size} of {DEFINITION_BYTES} bytes"


def alarm_look_back(template: Template) -> Iterator[str]:
    """Check that alarms evaluate at most seven days, or one day with periods below an hour.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
    """
    for name, properties in template.properties("AWS::CloudWatch::Alarm"):
        period = properties["Period"]
        most = DAY_SECONDS if period < 3600 else 7 * DAY_SECONDS
        if (seconds := period * properties["EvaluationPeriods"]) > most:
            yield f"{name}: its periods take {seconds} of {most} seconds"


def name_lengths(template: Template) -> Iterator[str]:
    """Check fixed names against the limits in CloudFormation's schemas."""
    for name, resource in template.body["Resources"].items():
        kind = resource["Type"]
        schema = _schema(kind)
        for property_ in _naming(kind):
            given = resource.get("Properties", {}).get(property_)
            if given is None or _is_reference(given):
                continue
            value = str(template.resolve(given))
            most = _LONGEST.get((kind, property_)) or schema["properties"][property_].get(
                "maxLength"
            )
            if most is None:
                yield f"{name}: how long {property_} of {kind} may be is not known here"
            elif len(value) > most:
                yield f"{name}: {property_} {value!r} has {len(value)} of {most} characters"


_LONGEST: Mapping[tuple[str, str], int] = {
    ("AWS::ApiGatewayV2::Api", "Name"): 128,
    ("AWS::ApiGatewayV2::Stage", "StageName"): 128,
    ("AWS::Athena::WorkGroup", "Name"): 128,
    ("AWS::CloudWatch::Dashboard", "DashboardName"): 255,
    ("AWS::DynamoDB::Table", "TableName"): 255,
    ("AWS::Glue::Database", "Name"): 255,
    ("AWS::Kinesis::Stream", "Name"): 128,
    ("AWS::Lambda::Function", "FunctionName"): 64,
    ("AWS::S3::Bucket", "BucketName"): 63,
    ("AWS::SNS::Topic", "TopicName"): 256,
    ("AWS::SQS::Queue", "QueueName"): 80,
    ("AWS::SSM::Parameter", "Name"): 1011,
    ("AWS::SageMaker::ModelPackageGroup", "ModelPackageGroupName"): 63,
    ("AWS::StepFunctions::StateMachine", "StateMachineName"): 80,
}
"""Limits from each type's documentation, where the schema has none, or one for ARNs."""


def _is_reference(given: Any) -> bool:
    """Return whether a value is a reference to another resource, and not a fixed name."""
    return isinstance(given, dict) and set(given) <= {"Ref", "Fn::GetAtt"}


def _naming(kind: str) -> list[str]:
    """Return the settable properties that name a resource of a type."""
    schema = _schema(kind)
    read_only = {path.rpartition("/")[2] for path in schema.get("readOnlyProperties", [])}
    identifiers = schema.get("primaryIdentifier", []) + [
        path for paths in schema.get("additionalIdentifiers", []) for path in paths
    ]
    own_name = f"{kind.rpartition('::')[2]}Name"
    names = {path.rpartition("/")[2] for path in identifiers} | {"Name", own_name}
    return sorted(names & set(schema["properties"]) - read_only)


def _schema(kind: str) -> Mapping[str, Any]:
    schema: Mapping[str, Any] = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, kind).schema
    return schema


def _is_of_stack(template: Template, given: Any) -> bool:
    """Return whether a name has a part that is unique to each stack.

    The region, the account, the stack's name and resources with fixed names are not unique.
    """
    match given:
        case {"Ref": "AWS::StackId"}:
            return True
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), *_]}:
            resource = template.body["Resources"].get(name)
            return resource is not None and all(
                _is_of_stack(template, resource.get("Properties", {})[one])
                for one in _naming(resource["Type"])
                if one in resource.get("Properties", {})
            )
        case dict() | list():
            inner = given.values() if isinstance(given, dict) else given
            return any(_is_of_stack(template, one) for one in inner)
    return "${AWS::StackId}" in str(given)


def _compact(document: Any) -> str:
    return json.dumps(document, separators=(",", ":"))
