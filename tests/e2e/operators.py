"""An operator who may do what a page of `docs/policies` allows, and nothing else."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from cli.targets import Target
from local.endpoint import ACCOUNT, Role
from tests.conftest import PROJECT
from tests.e2e.deployed import Deployed
from tests.e2e.policies import Permission, Policy, cut


@contextmanager
def operator(deployed: Deployed, page: str) -> Iterator[tuple[Target, Policy]]:
    """Give the stack as somebody reaches it whose role has the page's policy, and the policy."""
    iam = deployed.client("iam")
    name = f"operator-{uuid.uuid4().hex}"
    trust = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    policy = Policy(deployed, name, "operator", permissions_of(deployed, page))
    outputs = deployed.stack.outputs
    try:
        policy.put()
        role = Role(deployed.endpoint, arn)
        yield Target(deployed.stack.stack_name, outputs, role.client, is_local=True), policy
    finally:
        iam.delete_role_policy(RoleName=name, PolicyName="operator")
        iam.delete_role(RoleName=name)


def permissions_of(deployed: Deployed, page: str) -> tuple[Permission, ...]:
    """Read a page's policy, with the names of the deployed stack in it."""
    names = deployed.stack.outputs | {
        "AWS::Region": deployed.endpoint.region,
        "AWS::AccountId": ACCOUNT,
        "AWS::StackName": deployed.stack.stack_name,
    }
    text = (PROJECT / "docs" / "policies" / f"{page}.json").read_text()
    document = json.loads(re.sub(r"\$\{([\w:]+)\}", lambda found: names[found[1]], text))
    return tuple(one for statement in document["Statement"] for one in cut(statement))
