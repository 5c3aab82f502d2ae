"""Check services in resource policies: each must act for this account.

Anyone can let a service act on any resource, including ours, unless the policy checks the account
for which it acts.

References
----------
https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from verification.aws import permissions
from verification.aws.templates import ACCOUNT, Template

_EQUAL = re.compile(r"(ForAnyValue:)?(StringEquals|StringLike|ArnEquals|ArnLike)")
_POLICIES = (
    "AWS::KMS::Key",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
)
_ANYONE = "anyone"


def faults(template: Template) -> Iterator[str]:
    """Return resource policy statements that let a service act for any account."""
    names = {name for kind in _POLICIES for name in template.resources(kind)}
    for name, statement in permissions.statements(template):
        if name not in names or statement["Effect"] != "Allow":
            continue
        # Some services do not tell KMS their account; the encrypted resource's policy checks it.
        is_key = template.body["Resources"][name]["Type"] == "AWS::KMS::Key"
        if (services := _services(statement)) and not _is_bound(statement, if_exists=is_key):
            yield f"{name}: {', '.join(services)} may act for any account"
    for name, properties in template.properties("AWS::Lambda::Permission"):
        bound = {
            "aws:SourceAccount": properties.get("SourceAccount"),
            "aws:SourceArn": properties.get("SourceArn"),
        }
        is_bound = any(_names_account(key, value) for key, value in bound.items() if value)
        if properties["Principal"] != ACCOUNT and not is_bound:
            yield f"{name}: {properties['Principal']} may act for any account"


def _services(statement: Mapping[str, Any]) -> list[str]:
    principal = statement.get("Principal", {})
    if principal == "*" or "*" in _listed(principal.get("AWS", [])):
        return [_ANYONE]
    return _listed(principal.get("Service", []))


def _is_bound(statement: Mapping[str, Any], *, if_exists: bool) -> bool:
    """Return whether a condition restricts the statement to this account's resources."""
    return any(
        all(_names_account(key, one) for one in _listed(values))
        for operator, tests in statement.get("Condition", {}).items()
        if _EQUAL.fullmatch(operator.removesuffix("IfExists") if if_exists else operator)
        for key, values in tests.items()
    )


def _names_account(key: str, value: str) -> bool:
    match key.lower():
        case "aws:sourceaccount" | "kms:calleraccount":
            return value == ACCOUNT
        case "aws:sourcearn" | "kms:encryptioncontext:aws:logs:arn":
            _, _, service, _, account, resource = [*value.split(":", 5), *[""] * 6][:6]
            # The ARN of a bucket has no account: its name is globally unique.
            return account == ACCOUNT or (
                service == "s3" and resource.strip("*/") == resource != ""
            )
    return False


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
