"""Where an event goes that its target did not take."""

from __future__ import annotations

from aws_cdk import aws_kms as kms
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from cdk_app.permissions import admit


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
