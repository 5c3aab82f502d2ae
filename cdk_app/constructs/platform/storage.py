"""Buckets and their keys."""

from __future__ import annotations

from aws_cdk import ArnFormat, Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk_app.acknowledgements import acknowledge, acknowledge_in_checkov
from cdk_app.names import VENDED_LOGS
from cdk_app.permissions import admit, allow_listing, allow_objects
from cdk_app.removal import removal_policy
from cdk_app.settings.stage import Stage
from stresswatch.serving.batch_scoring import PREFIX as SCORING_PREFIX
from stresswatch.settled.places import PREDICTIONS, SHADOW
from stresswatch.storage import prefixes


class Storage(Construct):
    """The buckets, and their keys.

    Attributes
    ----------
    key, quarantine_key : kms.Key
        The quarantine has original payloads, so it has its own key.
    archive : s3.Bucket
        ``predictions/`` and ``shadow/`` as delivered, ``settled*/`` with one row per prediction,
        ``reports/``, ``drift/`` and ``query-results/``, all without text.
    training : s3.Bucket
        ``datasets/``, ``labels/``, ``training-output/`` and ``scoring/``.
    models : s3.Bucket
        ``models/<version>/``, versioned.
    quarantine : s3.Bucket
        ``quarantine/``, and under ``aws/lambda/`` the batches that the mapping discarded.
    label_queue : s3.Bucket or None
        ``label-queue/``: posts to label, with its own key, on a stage that samples posts.
    """

    def __init__(self, scope: Construct, id: str, stage: Stage):
        super().__init__(scope, id)
        self._stage = stage
        self._removal = removal_policy(stage)
        self.key = self._key("Key", "Streams, archive, training data, models and notifications")
        self._admit_logs()
        self.quarantine_key = self._key("QuarantineKey", "Quarantined records")
        self._access_logs = s3.Bucket(
            self,
            "AccessLogs",
            # S3 delivers access logs to buckets with its own encryption only.
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            lifecycle_rules=[
                s3.LifecycleRule(expiration=Duration.days(stage.storage.log_retention_days))
            ],
            removal_policy=self._removal,
        )
        _in_one_region(self._access_logs)
        acknowledge(
            self._access_logs,
            "NIST.800.53.R5-S3DefaultEncryptionKMS",
            "S3 delivers access logs only to buckets with its own encryption.",
        )
        acknowledge(
            self._access_logs,
            "NIST.800.53.R5-S3BucketVersioningEnabled",
            "S3 writes each log once under its own name; roles lack permission to overwrite it.",
        )
        acknowledge_in_checkov(
            self._access_logs,
            "CKV_AWS_18",
            "A bucket with access logs in itself would log for ever.",
        )
        self.archive = self._bucket(
            "Archive",
            self.key,
            lifecycle_rules=[
                *(
                    s3.LifecycleRule(
                        prefix=raw, expiration=Duration.days(stage.storage.raw_archive_days)
                    )
                    for raw in (PREDICTIONS.raw, SHADOW.raw)
                ),
                *(
                    s3.LifecycleRule(prefix=prefix, expiration=Duration.days(days))
                    for prefix, days in _settled(stage).items()
                ),
                s3.LifecycleRule(
                    prefix=prefixes.QUERY_RESULTS,
                    expiration=Duration.days(stage.querying.results_days),
                ),
            ],
        )
        self.training = self._bucket(
            "Training",
            self.key,
            lifecycle_rules=[
                s3.LifecycleRule(
                    prefix=SCORING_PREFIX, expiration=Duration.days(stage.scoring.kept_days)
                )
            ],
        )
        self.models = self._bucket("Models", self.key, versioned=True)
        self.quarantine = self._bucket(
            "Quarantine",
            self.quarantine_key,
            lifecycle_rules=[
                s3.LifecycleRule(expiration=Duration.days(stage.storage.quarantine_retention_days))
            ],
        )
        self.label_queue = self._label_queue() if stage.labelling.has_queue else None

    def grant_read(self, role: iam.IRole, bucket: s3.IBucket, *prefixes: str) -> None:
        allow_objects(role, bucket, "s3:GetObject", *prefixes, key=self._key_of(bucket))

    def grant_write(self, role: iam.IRole, bucket: s3.IBucket, *prefixes: str) -> None:
        allow_objects(role, bucket, "s3:PutObject", *prefixes, key=self._key_of(bucket))

    def send_events_to_eventbridge(self, bucket: s3.Bucket) -> None:
        """Let S3 notify EventBridge of a bucket's objects; CDK's method is a custom resource."""
        resource = bucket.node.default_child
        assert isinstance(resource, s3.CfnBucket)
        resource.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
            event_bridge_configuration=s3.CfnBucket.EventBridgeConfigurationProperty(
                event_bridge_enabled=True
            )
        )

    def grant_list(self, role: iam.IRole, bucket: s3.IBucket, *prefixes: str) -> None:
        allow_listing(role, bucket, *prefixes)

    def _admit_logs(self) -> None:
        """Let CloudWatch Logs encrypt this stack's log groups, a condition for their creation.

        CDK does not (https://github.com/aws/aws-cdk/issues/28304). The policy cannot list the
        groups, as each refers to the key, but their names begin with the stack's.
        """
        stack = Stack.of(self)
        groups = [
            stack.format_arn(
                service="logs",
                resource="log-group",
                resource_name=f"{prefix}{stack.stack_name}-*",
                arn_format=ArnFormat.COLON_RESOURCE_NAME,
            )
            for prefix in ("", VENDED_LOGS)
        ]
        admit(
            self.key,
            f"logs.{stack.region}.{stack.url_suffix}",
            [
                "kms:Decrypt",
                "kms:DescribeKey",
                "kms:Encrypt",
                "kms:GenerateDataKey",
                "kms:GenerateDataKeyWithoutPlaintext",
                "kms:ReEncryptFrom",
                "kms:ReEncryptTo",
            ],
            {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}},
            says_account=False,  # the group's ARN does
        )

    def _label_queue(self) -> s3.Bucket:
        days = self._stage.labelling.queue_retention_days
        return self._bucket(
            "LabelQueue",
            self._key("LabelQueueKey", "Posts that wait for a label"),
            lifecycle_rules=[s3.LifecycleRule(expiration=Duration.days(days))],
        )

    def _key_of(self, bucket: s3.IBucket) -> kms.IKey:
        return bucket.encryption_key or self.key

    def _key(self, id: str, description: str) -> kms.Key:
        security = self._stage.security
        return kms.Key(
            self,
            id,
            description=description,
            enable_key_rotation=True,
            rotation_period=Duration.days(security.key_rotation_days),
            pending_window=Duration.days(security.key_deletion_days),
            admins=[iam.ArnPrincipal(arn) for arn in security.key_administrators] or None,
            removal_policy=self._removal,
        )

    def _bucket(
        self,
        id: str,
        key: kms.Key,
        *,
        versioned: bool = False,
        lifecycle_rules: list[s3.LifecycleRule] | None = None,
    ) -> s3.Bucket:
        bucket = s3.Bucket(
            self,
            id,
            encryption=s3.BucketEncryption.KMS,
            encryption_key=key,
            bucket_key_enabled=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            versioned=versioned,
            lifecycle_rules=[
                s3.LifecycleRule(abort_incomplete_multipart_upload_after=Duration.days(1)),
                *(lifecycle_rules or []),
            ],
            server_access_logs_bucket=self._access_logs,
            server_access_logs_prefix=f"{id.lower()}/",
            removal_policy=self._removal,
        )
        _in_one_region(bucket)
        if not versioned:
            acknowledge(
                bucket,
                "NIST.800.53.R5-S3BucketVersioningEnabled",
                "Expired data, and a person's deleted data, must disappear with all versions.",
            )
        return bucket


def _settled(stage: Stage) -> dict[str, int]:
    """Return the retention in days of each prefix of the settled archives that expires."""
    # A challenger's predictions are not needed after its verdict.
    days = dict.fromkeys(SHADOW.made, stage.storage.raw_archive_days)
    if stage.storage.archive_retention_days:
        days |= dict.fromkeys(PREDICTIONS.made, stage.storage.archive_retention_days)
    return days


def _in_one_region(bucket: s3.Bucket) -> None:
    acknowledge(
        bucket,
        "NIST.800.53.R5-S3BucketReplicationEnabled",
        "Posts and derived data stay in the region that the deployer chose.",
    )
