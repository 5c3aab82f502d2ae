"""Permissions with only named actions on named resources.

CDK's own grants include patterns such as ``kms:GenerateDataKey*`` or a whole bucket.
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

    A resource pattern needs a reason; the synthesis fails without one.
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
    """Return the condition that a service acts for this account and its resources."""
    return {"StringEquals": {"aws:SourceAccount": stack.account}}


def admit(
    key: kms.Key,
    service: str,
    actions: Sequence[str] = ("kms:Decrypt", "kms:GenerateDataKey"),
    conditions: Mapping[str, Mapping[str, object]] | None = None,
    *,
    says_account: bool = True,
) -> None:
    """Let an AWS service without a role use a key, by the key's own policy.

    Some services do not tell KMS their account, such as EventBridge
    (https://github.com/awslabs/landing-zone-accelerator-on-aws/issues/407). If `says_account` is
    false, the account is checked only if present, and the encrypted resource's policy requires it.
    """
    operator = "StringEquals" if says_account else "StringEqualsIfExists"
    account = {operator: {"aws:SourceAccount": key.stack.account}}
    key.add_to_resource_policy(
        iam.PolicyStatement(
            principals=[iam.ServicePrincipal(service)],
            actions=list(actions),
            resources=["*"],  # in a key's own policy, this key
            conditions={**account, **(conditions or {})},
        )
    )


def allow_objects(
    role: iam.IRole, bucket: s3.IBucket, action: str, *prefixes: str, key: kms.IKey
) -> None:
    """Allow ``s3:GetObject`` or ``s3:PutObject`` under prefixes, and the use of the key."""
    allow(
        role,
        [action],
        [bucket.arn_for_objects(f"{prefix}*") for prefix in prefixes],
        pattern_because="An object gets its name when it is written; only the prefix is known.",
    )
    # Writes need both: an upload decrypts its data key to verify it.
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
