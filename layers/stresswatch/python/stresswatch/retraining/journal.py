"""The journal: the workflow's memory between retrainings, in one DynamoDB table.

The key of an entry is its kind and its name:

``lease``, ``retraining``
    The current or last execution that retrained.
``barred``, a version
    The version was rolled back: no retraining may promote it again.
``approval``, a version
    An execution awaits manual approval of it. The entry has the token that resumes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from stresswatch.clock import utc_now

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

LEASE = "lease"
BARRED = "barred"
APPROVAL = "approval"
KIND = "kind"
NAME = "name"
"""The key attributes of an entry."""
EXPIRES_AT = "expires_at"
"""When DynamoDB may delete an entry, in seconds since 1970."""
_RETRAINING = "retraining"


@dataclass(frozen=True)
class Decision:
    """A person's decision about a version: who, when and why."""

    by: str
    at: str
    why: str

    @staticmethod
    def now(by: str, why: str) -> Decision:
        return Decision(by, datetime.now(UTC).isoformat(timespec="seconds"), why)


@dataclass(frozen=True)
class PendingApproval:
    """An execution that awaits manual approval of a version."""

    version: str
    execution: str
    token: str
    expires_at: datetime


@dataclass(frozen=True)
class Journal:
    """The table's entries."""

    dynamodb: DynamoDBClient
    table: str
    now: Callable[[], datetime] = utc_now

    def lease_holder(self) -> str | None:
        """Return the last execution that took the lease; None before the first."""
        entry = self._get(LEASE, _RETRAINING)
        return entry["execution"] if entry else None

    def take_lease(self, execution: str, after: str | None) -> bool:
        """Take over the lease from its last holder; return False if another execution did."""
        try:
            self.dynamodb.put_item(
                TableName=self.table,
                Item=_item(LEASE, _RETRAINING, {"execution": execution}),
                ConditionExpression="attribute_not_exists(execution) OR execution = :after",
                ExpressionAttributeValues={":after": {"S": after or ""}},
            )
        except self.dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def bar(self, version: str, decision: Decision) -> None:
        """Bar retrainings from promoting a version again."""
        self._put(BARRED, version, vars(decision))

    def lift_bar(self, version: str) -> None:
        self._delete(BARRED, version)

    def barred(self, version: str) -> Decision | None:
        """Return who barred a version, when and why; None if it is not barred."""
        entry = self._get(BARRED, version)
        return Decision(entry["by"], entry["at"], entry["why"]) if entry else None

    def await_approval(self, pending: PendingApproval) -> None:
        fields = {"execution": pending.execution, "token": pending.token}
        self._put_approval(pending.version, fields, pending.expires_at)

    def approval(self, version: str) -> PendingApproval | None:
        """Return the request for approval of a version; None if there is none."""
        entry = self._get(APPROVAL, version)
        if not entry:
            return None
        expires_at = datetime.fromtimestamp(int(entry[EXPIRES_AT]), UTC)
        if expires_at <= self.now():
            return None
        return PendingApproval(version, entry["execution"], entry["token"], expires_at)

    def close_approval(self, version: str) -> None:
        """Close the request for a version; the entry stays, as no function may delete entries."""
        self._put_approval(version, {}, self.now())

    def _put_approval(self, version: str, fields: Mapping[str, str], expires_at: datetime) -> None:
        item = _item(APPROVAL, version, fields)
        expiry: AttributeValueTypeDef = {"N": str(int(expires_at.timestamp()))}
        self.dynamodb.put_item(TableName=self.table, Item=item | {EXPIRES_AT: expiry})

    def _get(self, kind: str, name: str) -> dict[str, str] | None:
        answer = self.dynamodb.get_item(
            TableName=self.table, Key=_item(kind, name), ConsistentRead=True
        )
        entry = answer.get("Item")
        if not entry:
            return None
        return {field: str(*value.values()) for field, value in entry.items()}

    def _put(self, kind: str, name: str, fields: Mapping[str, str]) -> None:
        self.dynamodb.put_item(TableName=self.table, Item=_item(kind, name, fields))

    def _delete(self, kind: str, name: str) -> None:
        self.dynamodb.delete_item(TableName=self.table, Key=_item(kind, name))


def _item(
    kind: str, name: str, fields: Mapping[str, str] | None = None
) -> dict[str, AttributeValueTypeDef]:
    entry = {KIND: kind, NAME: name, **(fields or {})}
    return {field: {"S": value} for field, value in entry.items()}
