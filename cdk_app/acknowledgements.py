"""Acknowledged findings of cdk-nag and checkov: each beside its resource, with the reason.

`cdk_app.documentation` prints those of cdk-nag as a list.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from aws_cdk import App, CfnResource, Stack, Validations
from cdk_nag import AwsSolutionsChecks, NIST80053R5Checks
from constructs import IConstruct

METADATA_KEY = Validations.ACKNOWLEDGED_RULES_METADATA_KEY

_SAME_IN_CHECKOV = {
    "NIST.800.53.R5-LambdaConcurrency": "CKV_AWS_115",
    "NIST.800.53.R5-LambdaDLQ": "CKV_AWS_116",
    "NIST.800.53.R5-LambdaInsideVPC": "CKV_AWS_117",
    "NIST.800.53.R5-S3BucketVersioningEnabled": "CKV_AWS_21",
}


@dataclass(frozen=True, order=True)
class Acknowledgement:
    """A rule that a construct breaks intentionally."""

    rule: str
    path: str
    reason: str


def check(app: App) -> None:
    """Let the synthesis fail on unacknowledged findings of the packs."""
    Validations.of(app).add_plugins(AwsSolutionsChecks(app), NIST80053R5Checks(app))


def acknowledge(construct: IConstruct, rule: str, reason: str) -> None:
    """Acknowledge one finding on one construct, and the same finding of checkov.

    CDK's own ``acknowledge`` rejects findings with ``::`` twice in their names, as for wildcards.
    So this function writes the same metadata.
    """
    construct.node.add_metadata(METADATA_KEY, {rule: reason})
    if rule in _SAME_IN_CHECKOV:
        acknowledge_in_checkov(construct, _SAME_IN_CHECKOV[rule], reason)


def acknowledge_in_checkov(construct: IConstruct, check: str, reason: str) -> None:
    """Acknowledge a finding of checkov on one construct, in the template for checkov."""
    resource = construct.node.default_child
    assert isinstance(resource, CfnResource)
    known = resource.get_metadata("checkov") or {"skip": []}
    resource.add_metadata("checkov", {"skip": [*known["skip"], {"id": check, "comment": reason}]})


def acknowledge_wildcards(role: IConstruct, resources: Iterable[str], reason: str) -> None:
    """Acknowledge each resource pattern in a role's policy."""
    for resource in resources:
        name = _flat(Stack.of(role).resolve(resource))
        if "*" in name:
            acknowledge(role, f"AwsSolutions-IAM5[Resource::{name}]", reason)


def acknowledgements(app: App) -> list[Acknowledgement]:
    """Return every acknowledgement of an app, sorted."""
    return sorted(
        {
            Acknowledgement(rule, construct.node.path, reason)
            for construct in app.node.find_all()
            for entry in construct.node.metadata
            if entry.type == METADATA_KEY
            for rule, reason in entry.data.items()
        }
    )


def _flat(value: object) -> str:
    """Format a resource as in the names of cdk-nag's findings."""
    match value:
        case str():
            return value.replace("${", "<").replace("}", ">")
        case {"Fn::Join": [str(delimiter), [*parts]]}:
            return delimiter.join(map(_flat, parts))
        case {"Fn::GetAtt": [str(resource), str(attribute)]}:
            return f"<{resource}.{attribute}>"
        case {"Fn::Sub": str(pattern)}:
            return _flat(pattern)
        case {"Ref": str(name)}:
            return f"<{name}>"
        case {"Fn::Select": _}:
            return json.dumps(value, separators=(",", ":"))  # as it stands
    raise TypeError(f"the resource {value!r} of a statement has an unknown form")
