"""Policies of deployed roles, split into permissions that can be removed one by one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.e2e.deployed import Deployed


@dataclass(frozen=True)
class Permission:
    """One action on one resource, under one value of the condition if there is one."""

    action: str
    resource: str
    condition: str = ""

    def statement(self) -> dict[str, Any]:
        allowed = {"Effect": "Allow", "Action": self.action, "Resource": self.resource}
        return allowed | ({"Condition": json.loads(self.condition)} if self.condition else {})

    def __str__(self) -> str:
        return f"{self.action} on {self.resource} {self.condition}".strip()


@dataclass(frozen=True)
class Policy:
    """The one inline policy of a stack role."""

    deployed: Deployed
    role: str
    name: str
    permissions: tuple[Permission, ...]

    @classmethod
    def of(cls, deployed: Deployed, role: str) -> Policy:
        """Read the policy of the role with this prefix in its logical id."""
        iam = deployed.client("iam")
        role_name = deployed.named(role, "AWS::IAM::Role")
        (name,) = iam.list_role_policies(RoleName=role_name)["PolicyNames"]
        document = iam.get_role_policy(RoleName=role_name, PolicyName=name)["PolicyDocument"]
        found = [one for statement in document["Statement"] for one in cut(statement)]
        return cls(deployed, role_name, name, tuple(dict.fromkeys(found)))

    @contextmanager
    def without(self, permission: Permission) -> Iterator[None]:
        """Remove a permission for a while."""
        self._put([other for other in self.permissions if other != permission])
        try:
            yield
        finally:
            self.put()

    def put(self) -> None:
        """Grant the role all of its permissions."""
        self._put(self.permissions)

    def _put(self, permissions: Sequence[Permission]) -> None:
        iam = self.deployed.client("iam")
        if not permissions:
            iam.delete_role_policy(RoleName=self.role, PolicyName=self.name)
            return
        statements = [permission.statement() for permission in permissions]
        iam.put_role_policy(
            RoleName=self.role,
            PolicyName=self.name,
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}),
        )


def cut(statement: dict[str, Any]) -> Iterator[Permission]:
    """Split a statement into permissions."""
    for action in _as_list(statement["Action"]):
        for resource in _as_list(statement["Resource"]):
            for condition in _cut_condition(statement.get("Condition")):
                yield Permission(action, resource, condition)


def _cut_condition(condition: dict[str, Any] | None) -> Iterator[str]:
    if not condition:
        yield ""
        return
    ((operator, keys),) = condition.items()
    ((key, values),) = keys.items()
    for value in _as_list(values):
        yield json.dumps({operator: {key: value}})


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
