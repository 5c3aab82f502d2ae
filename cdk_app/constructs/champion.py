"""The pointer to the champion."""

from __future__ import annotations

from aws_cdk import aws_iam as iam
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from cdk_app.permissions import allow
from cdk_app.stages import Stage
from stresswatch.champion import NO_CHAMPION


class Champion(Construct):
    """An SSM parameter that names the serving version.

    CloudFormation writes its first value only: a promotion changes it, and no deployment does.
    """

    def __init__(self, scope: Construct, id: str, stage: Stage):
        super().__init__(scope, id)
        self.pointer = ssm.StringParameter(
            self,
            "Pointer",
            parameter_name=f"/stresswatch/{stage.name}/champion",
            description="The model version that serves: changed by promotion and rollback alone",
            string_value=NO_CHAMPION,
        )

    def grant_read(self, role: iam.IRole) -> None:
        allow(role, ["ssm:GetParameter"], [self.pointer.parameter_arn])

    def grant_move(self, role: iam.IRole) -> None:
        allow(role, ["ssm:PutParameter"], [self.pointer.parameter_arn])
