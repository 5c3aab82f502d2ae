"""The dead-letter queue for events that their target did not accept or finish."""

from __future__ import annotations

from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from cdk_app.acknowledgements import acknowledge
from cdk_app.constructs.platform.functions import role_of
from cdk_app.permissions import admit, allow, from_this_account


class DeadLetters(Construct):
    """The queue of events that failed after all retries."""

    def __init__(self, scope: Construct, id: str, key: kms.Key):
        super().__init__(scope, id)
        self.queue = sqs.Queue(
            self,
            "Queue",
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=key,
            enforce_ssl=True,
            retention_period=Duration.days(14),  # the maximum
        )
        # Without them, EventBridge could not write to the queue, and would drop events silently.
        admit(key, "events.amazonaws.com", says_account=False)
        self._admit_rules()
        self.of_rules = sqs.Queue.from_queue_arn(self, "OfRules", self.queue.queue_arn)
        """The queue for targets of rules, imported so that rules do not change its policy."""
        self._key = key

    def _admit_rules(self) -> None:
        """Let the stack's rules send: their names begin with the stack's."""
        stack = Stack.of(self)
        rules = stack.format_arn(
            service="events", resource="rule", resource_name=f"{stack.stack_name}-*"
        )
        self.queue.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("events.amazonaws.com")],
                actions=["sqs:SendMessage"],
                resources=[self.queue.queue_arn],
                conditions={**from_this_account(stack), "ArnLike": {"aws:SourceArn": rules}},
            )
        )

    def grant_send(self, role: iam.IRole) -> None:
        """Allow a role to send dead letters."""
        allow(role, ["sqs:SendMessage"], [self.queue.queue_arn])
        allow(role, ["kms:Decrypt", "kms:GenerateDataKey"], [self._key.key_arn])

    def take_from_no_function(self) -> None:
        """Acknowledge that only schedules and rules send letters."""
        acknowledge(
            self.queue,
            "AwsSolutions-SQS3",
            "This is the dead-letter queue for schedules and rules; cdk-nag checks only functions.",
        )

    def take_from(self, function: lambda_.Function) -> None:
        """Receive events on which an asynchronous function failed after Lambda's retries.

        CDK's own method would grant action patterns on the key.
        """
        resource = function.node.default_child
        assert isinstance(resource, lambda_.CfnFunction)
        resource.dead_letter_config = lambda_.CfnFunction.DeadLetterConfigProperty(
            target_arn=self.queue.queue_arn
        )
        self.grant_send(role_of(function))
