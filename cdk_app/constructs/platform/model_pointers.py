"""The pointers to the champion and to the challenger that shadows it."""

from __future__ import annotations

from aws_cdk import aws_iam as iam
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from cdk_app.names import stack_suffix
from cdk_app.permissions import allow
from cdk_app.settings.stage import Stage


class ModelPointers(Construct):
    """SSM parameters that name the serving version and the shadowing one.

    The stack names them and allows their use, but does not own them, so no deployment can write
    their values. The first promotion makes the one, and the first shadow deployment the other. See
    `docs/decisions/0022`.
    """

    def __init__(self, scope: Construct, id: str, stage: Stage):
        super().__init__(scope, id)
        self.champion = self._named(stage, "Champion")
        self.shadow = self._named(stage, "Shadow")

    def _named(self, stage: Stage, id: str) -> ssm.IStringParameter:
        # By stack id, as the remains of a deleted stack point into its own buckets.
        return ssm.StringParameter.from_string_parameter_attributes(
            self,
            id,
            parameter_name=f"/stresswatch/{stage.name}/{stack_suffix(self)}/{id.lower()}",
            simple_name=False,
            force_dynamic_reference=True,
        )

    def grant_read_champion(self, role: iam.IRole) -> None:
        allow(role, ["ssm:GetParameter"], [self.champion.parameter_arn])

    def grant_move_champion(self, role: iam.IRole) -> None:
        allow(role, ["ssm:PutParameter"], [self.champion.parameter_arn])

    def grant_read_shadow(self, role: iam.IRole) -> None:
        allow(role, ["ssm:GetParameter"], [self.shadow.parameter_arn])

    def grant_move_shadow(self, role: iam.IRole) -> None:
        allow(role, ["ssm:PutParameter"], [self.shadow.parameter_arn])
