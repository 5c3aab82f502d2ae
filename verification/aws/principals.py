"""Services in policies of resources: each must act for this account.

A service that anyone may have act on any resource can be had to act on ours, unless the policy asks
for whom it acts.

References
----------
https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from verification.aws import permissions
from verification.aws.templates import Template

_BOUND = (
    "aws:sourceaccount",
    "aws:sourcearn",
    "kms:callervia",
    "kms:viaservice",
    "kms:encryptioncontext",
)
_POLICIES = (
    "AWS::KMS::Key",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
)


def faults(template: Template) -> Iterator[str]:
    """Return statements of resources' policies that any account can have a service use."""
    names = {name for kind in _POLICIES for name in template.resources(kind)}
    for name, statement in permissions.statements(template):
        services = _services(statement)
        if (
            name in names
            and services
            and statement["Effect"] == "Allow"
            and not _is_bound(statement)
        ):
            yield f"{name}: {', '.join(services)} may act for any account"


def _services(statement: Mapping[str, Any]) -> list[str]:
    principal = statement.get("Principal", {})
    found = principal.get("Service", []) if isinstance(principal, Mapping) else []
    return found if isinstance(found, list) else [found]


def _is_bound(statement: Mapping[str, Any]) -> bool:
    keys = (key.lower() for tests in statement.get("Condition", {}).values() for key in tests)
    return any(key.startswith(_BOUND) for key in keys)
