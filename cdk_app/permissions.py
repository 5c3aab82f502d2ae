"""Permissions by named actions on named resources, and nothing else.

CDK's own grants hand out patterns such as ``kms:GenerateDataKey*`` or a whole bucket.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from cdk_app.acknowledgements import acknowledge_wildcards


def allow(
    role: iam.IRole,
    actions: Sequence[str],
    resources: Sequence[str],
    conditions: Mapping[str, object] | None = None,
    *,
    pattern_because: str | None = None,
) -> None:
    """Add one statement to a role.

    A resource that is a pattern needs a reason, without which the synthesis fails.
    """
    if pattern_because:
        acknowledge_wildcards(role, resources, pattern_because)
    role.add_to_principal_policy(
        iam.PolicyStatement(
            actions=list(actions),
            resources=list(resources),
            conditions=dict(conditions) if conditions else None,
        )
    )


def from_this_account(stack: Stack) -> dict[str, dict[str, str]]:
    """Return the condition that a service acts for this account, and for no other's resource."""
    return {"StringEquals": {"aws:SourceAccount": stack.account}}


def admit(
    key: kms.Key,
    service: str,
    actions: Sequence[str] = ("kms:Decrypt", "kms:GenerateDataKey"),
    conditions: Mapping[str, Mapping[str, object]] | None = None,
    *,
    says_account: bool = True,
) -> None:
    """Let a service of AWS use a key, by the key's own policy: it acts under no role of ours.

    Not every service says to KMS for which account it acts: EventBridge does not
    (https://github.com/awslabs/landing-zone-accelerator-on-aws/issues/407). Where `says_account` is
    false, the account counts if it is said, and the policies of what the key encrypts ask for it.
    """
    operator = "StringEquals" if says_account else "StringEqualsIfExists"
    account = {operator: {"aws:SourceAccount": key.stack.account}}
    key.add_to_resource_policy(
        iam.PolicyStatement(
            principals=[iam.ServicePrincipal(service)],
            actions=list(actions),
            resources=["*"],  # in a key's own policy: this key
            conditions={**account, **(conditions or {})},
        )
    )


def allow_objects(
    role: iam.IRole, bucket: s3.IBucket, action: str, *prefixes: str, key: kms.IKey
) -> None:
    """Allow ``s3:GetObject`` or ``s3:PutObject`` under prefixes, and the key's part in it."""
    allow(
        role,
        [action],
        [bucket.arn_for_objects(f"{prefix}*") for prefix in prefixes],
        pattern_because="An object gets its name when it is written; only the prefix is known.",
    )
    # Writing needs both: an upload decrypts the bucket's key for it, to see that it is intact.
    uses = ["kms:Decrypt"] if action == "s3:GetObject" else ["kms:Decrypt", "kms:GenerateDataKey"]
    allow(role, uses, [key.key_arn])


def allow_metrics(role: iam.IRole, namespace: str) -> None:
    """Allow putting metrics into one namespace."""
    allow(
        role,
        ["cloudwatch:PutMetricData"],
        ["*"],
        {"StringEquals": {"cloudwatch:namespace": namespace}},
        pattern_because="cloudwatch:PutMetricData lacks resource-level permissions; "
        "a condition limits it to one namespace.",
    )


def allow_listing(role: iam.IRole, bucket: s3.IBucket, *prefixes: str) -> None:
    """Allow listing the objects under prefixes."""
    allow(
        role,
        ["s3:ListBucket"],
        [bucket.bucket_arn],
        {"StringLike": {"s3:prefix": [f"{prefix}*" for prefix in prefixes]}},
    )
