"""The table with the state between retrainings."""

from __future__ import annotations

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from cdk_app.acknowledgements import acknowledge
from cdk_app.permissions import allow
from cdk_app.removal import removal_policy
from cdk_app.settings.stage import Stage
from stresswatch.retraining.journal import EXPIRES_AT, KIND, NAME


class Journal(Construct):
    """The table of `stresswatch.retraining.journal`, with the keys ``kind`` and ``name``."""

    def __init__(self, scope: Construct, id: str, stage: Stage, key: kms.Key):
        super().__init__(scope, id)
        self._key = key
        text = dynamodb.AttributeType.STRING
        self.table = dynamodb.Table(
            self,
            "Table",
            partition_key=dynamodb.Attribute(name=KIND, type=text),
            sort_key=dynamodb.Attribute(name=NAME, type=text),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=key,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            time_to_live_attribute=EXPIRES_AT,
            # With deletion protection, a failed first deployment could not be rolled back.
            removal_policy=removal_policy(stage),
        )

        acknowledge(
            self.table,
            "NIST.800.53.R5-DynamoDBInBackupPlan",
            "Point-in-time recovery covers 35 days, and other data survives the table's loss: "
            "pending approvals would end, and a rolled-back version could be evaluated again.",
        )

    def grant_read(self, role: iam.IRole, kind: str) -> None:
        """Allow reading the entries of a kind."""
        self._allow(role, "dynamodb:GetItem", kind)

    def grant_write(self, role: iam.IRole, kind: str) -> None:
        """Allow writing entries of a kind."""
        self._allow(role, "dynamodb:PutItem", kind)

    def _allow(self, role: iam.IRole, action: str, kind: str) -> None:
        allow(
            role,
            [action],
            [self.table.table_arn],
            {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [kind]}},
        )
        # DynamoDB uses the table's key on behalf of the caller.
        allow(role, ["kms:Decrypt", "kms:DescribeKey"], [self._key.key_arn])
