"""The secret that keys the digests of texts in the archive."""

from __future__ import annotations

from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from cdk_app.acknowledgements import acknowledge
from cdk_app.permissions import allow
from cdk_app.removal import removal_policy
from cdk_app.settings.stage import Stage
from stresswatch.contracts.identity import KEY_LENGTH

_ROTATION = (
    "A new key changes every digest, and labels would miss earlier predictions. The key gives "
    "access to no service."
)


class IdentitySecret(Construct):
    """A key that the deployment generates once.

    Attributes
    ----------
    secret_arn : str
    """

    def __init__(self, scope: Construct, id: str, stage: Stage, key: kms.IKey):
        super().__init__(scope, id)
        self._key = key
        # Without the construct `Secret`, which lets every role of the account use the key through
        # Secrets Manager. Its properties must stay unchanged: a change generates another key.
        secret = secretsmanager.CfnSecret(
            self,
            "Secret",
            description="Keys the digests of texts in the archive; to change it orphans them",
            kms_key_id=key.key_arn,
            generate_secret_string=secretsmanager.CfnSecret.GenerateSecretStringProperty(
                password_length=KEY_LENGTH, exclude_punctuation=True
            ),
        )
        secret.apply_removal_policy(removal_policy(stage))
        acknowledge(self, "AwsSolutions-SMG4", _ROTATION)
        acknowledge(self, "NIST.800.53.R5-SecretsManagerRotationEnabled", _ROTATION)
        # `Ref` is the ARN on AWS and the name on the local stack; this is the ARN on both.
        self.secret_arn = secret.attr_id

    def grant_read(self, role: iam.IRole) -> None:
        """Allow reading the key; Secrets Manager decrypts it on behalf of the reader."""
        allow(role, ["secretsmanager:GetSecretValue"], [self.secret_arn])
        allow(role, ["kms:Decrypt"], [self._key.key_arn])
