"""Where an event goes that its target did not take, or did not finish."""

from __future__ import annotations

from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from cdk_app.constructs.functions import role_of
from cdk_app.permissions import admit, allow


class DeadLetters(Construct):
    """The queue of the events that no retry delivered."""

    def __init__(self, scope: Construct, id: str, key: kms.Key):
        super().__init__(scope, id)
        self.queue = sqs.Queue(
            self,
            "Queue",
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=key,
            enforce_ssl=True,
        )
        # Without it EventBridge could not write to the queue, and would drop the event in silence.
        admit(key, "events.amazonaws.com")
        self._key = key

    def take_from(self, function: lambda_.Function) -> None:
        """Take the events that an asynchronous function failed on after Lambda's own retries.

        CDK's own way would grant patterns of actions on the key.
        """
        resource = function.node.default_child
        assert isinstance(resource, lambda_.CfnFunction)
        resource.dead_letter_config = lambda_.CfnFunction.DeadLetterConfigProperty(
            target_arn=self.queue.queue_arn
        )
        role = role_of(function)
        allow(role, ["sqs:SendMessage"], [self.queue.queue_arn])
        allow(role, ["kms:Decrypt", "kms:GenerateDataKey"], [self._key.key_arn])
