"""Notifications for people."""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from constructs import Construct

from cdk_app.permissions import admit, allow, from_this_account


class Notifications(Construct):
    """A topic for alarms and retraining results."""

    def __init__(self, scope: Construct, id: str, key: kms.Key):
        super().__init__(scope, id)
        self._key = key
        self.topic = sns.Topic(self, "Topic", master_key=key, enforce_ssl=True)
        alarms = "cloudwatch.amazonaws.com"
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal(alarms)],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions=from_this_account(Stack.of(self)),
            )
        )
        admit(key, alarms)

    def grant_publish(self, role: iam.IRole) -> None:
        allow(role, ["sns:Publish"], [self.topic.topic_arn])
        allow(role, ["kms:Decrypt", "kms:GenerateDataKey"], [self._key.key_arn])
