"""Quotas and limits that AWS checks when a stack is made, and emulators do not.

Each function takes a template and gives what is beyond a limit, as sentences.
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
"""Stages that are deployed to accounts as they are when they are new: nothing can be reserved."""
ENVIRONMENT_BYTES = 4096
_ARN_SPARE = 64
"""By how many bytes a name that CloudFormation makes may be longer than the logical id."""
INLINE_POLICY_CHARACTERS = 10_240
KEY_POLICY_BYTES = 32_768
DEFINITION_BYTES = 1_048_576
_RETAINED = frozenset({"Retain", "RetainExceptOnCreate"})


def reserved_concurrency(template: Template) -> Iterator[str]:
    """Check that the account's concurrency covers what the functions reserve.

    Lambda keeps 100 executions unreserved, of 1,000 in an account by default; new accounts often
    begin with 10 in total.
    https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
    """
    reserved = sum(
        properties.get("ReservedConcurrentExecutions", 0)
        for _, properties in template.properties("AWS::Lambda::Function")
    )
    is_new = template.stage in NEW_ACCOUNT_STAGES
    most = 0 if is_new else ACCOUNT_CONCURRENCY - UNRESERVED_CONCURRENCY
    if reserved > most:
        yield f"functions reserve {reserved} executions, of {most} that can be"


def retained_with_a_fixed_name(template: Template) -> Iterator[str]:
    """Check that what outlives its stack does not take the name from the next one.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-deletionpolicy.html
    """
    for name, resource in template.body["Resources"].items():
        kept = {resource.get(policy) for policy in ("DeletionPolicy", "UpdateReplacePolicy")}
        if not kept & _RETAINED:
            continue
        if resource.get("DeletionPolicy") == "Retain":
            yield f"{name} is kept when its creation fails: its policy is not RetainExceptOnCreate"
        for property_ in _naming(resource["Type"]):
            given = resource.get("Properties", {}).get(property_)
            if given is not None and not _is_of_stack(given):
                yield f"{name} is kept, and has the fixed {property_} {json.dumps(given)}"


def environment_sizes(template: Template) -> Iterator[str]:
    """Check that each function's variables fit, names of what is made included.

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


def name_lengths(template: Template) -> Iterator[str]:
    """Check names that are given against the limits of CloudFormation's own schemas."""
    for name, resource in template.body["Resources"].items():
        schema = _schema(resource["Type"])
        for property_ in _naming(resource["Type"]):
            given = resource.get("Properties", {}).get(property_)
            if given is None:
                continue
            value = str(template.resolve(given))
            most = schema["properties"][property_].get("maxLength", _LONGEST.get(resource["Type"]))
            if most is not None and len(value) > most:
                yield f"{name}: {property_} {value!r} has {len(value)} of {most} characters"


_LONGEST: Mapping[str, int] = {
    "AWS::Glue::Database": 255,
    "AWS::Kinesis::Stream": 128,
    "AWS::S3::Bucket": 63,
    "AWS::SSM::Parameter": 1011,
    "AWS::StepFunctions::StateMachine": 80,
}
"""Where the schema has no limit of its own."""


def _naming(kind: str) -> list[str]:
    """Return the properties that name a resource of a type and can be given."""
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


def _is_of_stack(given: Any) -> bool:
    """Return whether a name holds what differs with each stack that is made."""
    return any(one in json.dumps(given) for one in ("AWS::StackId", "Fn::GetAtt", '"Ref": "'))


def _compact(document: Any) -> str:
    return json.dumps(document, separators=(",", ":"))
