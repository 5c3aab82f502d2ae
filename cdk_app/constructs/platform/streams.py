"""The streams for incoming posts and outgoing predictions."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kinesis as kinesis
from aws_cdk import aws_kms as kms
from constructs import Construct

from cdk_app.acknowledgements import acknowledge
from cdk_app.permissions import allow
from cdk_app.removal import removal_policy
from cdk_app.settings.stage import Stage
from cdk_app.settings.streaming import StreamMode


class Streams(Construct):
    """The posts stream and the predictions stream, encrypted with the storage's key."""

    def __init__(self, scope: Construct, id: str, stage: Stage, key: kms.IKey):
        super().__init__(scope, id)
        self._key = key
        settings = stage.streaming
        self.posts = self._stream("Posts", stage, settings.retention_hours)
        self.predictions = self._stream("Predictions", stage, settings.predictions_retention_hours)
        self._consumer = (
            kinesis.CfnStreamConsumer(
                self, "Predictor", consumer_name="predictor", stream_arn=self.posts.stream_arn
            )
            if stage.streaming.enhanced_fan_out
            else None
        )

    @property
    def posts_source(self) -> str:
        """The ARN for the predictor's mapping: the stream's or its consumer's."""
        return self._consumer.attr_consumer_arn if self._consumer else self.posts.stream_arn

    def grant_consume_posts(self, role: iam.IRole) -> None:
        """Allow the actions of an event source mapping on behalf of its function."""
        allow(
            role,
            [
                "kinesis:DescribeStream",
                "kinesis:DescribeStreamSummary",
                "kinesis:GetRecords",
                "kinesis:GetShardIterator",
                "kinesis:ListShards",
            ],
            [self.posts.stream_arn],
        )
        if self._consumer:
            allow(
                role,
                ["kinesis:DescribeStreamConsumer", "kinesis:SubscribeToShard"],
                [self._consumer.attr_consumer_arn],
            )
        allow(role, ["kms:Decrypt"], [self._key.key_arn])

    def grant_put_predictions(self, role: iam.IRole) -> None:
        allow(role, ["kinesis:PutRecords"], [self.predictions.stream_arn])
        allow(role, ["kms:GenerateDataKey"], [self._key.key_arn])

    def _stream(self, id: str, stage: Stage, retention_hours: int) -> kinesis.Stream:
        is_on_demand = stage.streaming.mode == StreamMode.ON_DEMAND
        stream = kinesis.Stream(
            self,
            id,
            stream_mode=kinesis.StreamMode[stage.streaming.mode.upper()],
            shard_count=None if is_on_demand else stage.streaming.shards,
            retention_period=Duration.hours(retention_hours),
            encryption=kinesis.StreamEncryption.KMS,
            encryption_key=self._key,
            removal_policy=removal_policy(stage),
        )
        acknowledge(
            stream,
            "AwsSolutions-KDS3",
            "The rule requires AWS's key; a customer managed key is stricter, with its own policy.",
        )
        return stream
