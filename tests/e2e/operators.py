"""An operator with only the permissions of given pages in `docs/policies`."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from botocore.exceptions import ClientError

from cli.deployment.target import Target
from cli.errors import OperatorError
from local.endpoint import ACCOUNT, Role
from tests.conftest import PROJECT
from tests.e2e.deployed import Deployed
from tests.e2e.policies import Permission, Policy, cut

BEYOND = {
    "cloudformation:DescribeStacks": "asked before there is a target",
    "kms:Decrypt": "the emulator encrypts nothing",
    "kms:GenerateDataKey": "the emulator encrypts nothing",
}
"""Permissions that the local stack cannot refuse, and their uses."""


@contextmanager
def operator(deployed: Deployed, *pages: str) -> Iterator[tuple[Target, Policy]]:
    """Yield the stack for an operator whose role has the pages' policies, and these."""
    iam = deployed.client("iam")
    name = f"operator-{uuid.uuid4().hex}"
    trust = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    permissions = tuple(one for page in pages for one in permissions_of(deployed, page))
    policy = Policy(deployed, name, "operator", permissions)
    outputs = deployed.stack.outputs
    try:
        policy.put()
        role = Role(deployed.endpoint, arn)
        yield Target(deployed.stack.stack_name, outputs, role.client, is_local=True), policy
    finally:
        iam.delete_role_policy(RoleName=name, PolicyName="operator")
        iam.delete_role(RoleName=name)


def permissions_of(deployed: Deployed, page: str) -> tuple[Permission, ...]:
    """Read a page's policy, and fill in the names of the deployed stack."""
    names = deployed.stack.outputs | {
        "AWS::Region": deployed.endpoint.region,
        "AWS::AccountId": ACCOUNT,
        "AWS::StackName": deployed.stack.stack_name,
    }
    text = (PROJECT / "docs" / "policies" / f"{page}.json").read_text()
    document = json.loads(re.sub(r"\$\{([\w:]+)\}", lambda found: names[found[1]], text))
    return tuple(one for statement in document["Statement"] for one in cut(statement))


def is_beyond(permission: Permission) -> bool:
    return permission.action in BEYOND


def not_missed(
    policy: Policy,
    attempt: Callable[[], object],
    is_beyond: Callable[[Permission], bool] = is_beyond,
) -> list[Permission]:
    """Remove each permission in turn; return those that an attempt does not need."""
    assert refusal(attempt) == ""
    found = []
    for permission in policy.permissions:
        if is_beyond(permission):
            continue
        with policy.without(permission):
            if permission.action not in refusal(attempt):
                found.append(permission)
    return found


def refusal(attempt: Callable[[], object]) -> str:
    """Return an attempt's failure, or an empty text if it succeeds."""
    try:
        attempt()
    except (ClientError, OperatorError) as error:
        return str(error)
    return ""
