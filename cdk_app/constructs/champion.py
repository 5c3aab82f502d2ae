"""The pointers to the champion and to the challenger that shadows it."""

from __future__ import annotations

from aws_cdk import aws_iam as iam
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from cdk_app.permissions import allow
from cdk_app.stages import Stage
from stresswatch.champion import NO_CHAMPION
from stresswatch.shadow import NO_SHADOW


class Champion(Construct):
    """SSM parameters that name the serving version, and the one that scores beside it for a while.

    CloudFormation writes their first values only: a promotion changes them, and no deployment does.
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

        self.shadow = ssm.StringParameter(
            self,
            "Shadow",
            parameter_name=f"/stresswatch/{stage.name}/shadow",
            description="The challenger that scores live posts beside the champion, and until when",
            string_value=NO_SHADOW,
        )

    def grant_read(self, role: iam.IRole) -> None:
        allow(role, ["ssm:GetParameter"], [self.pointer.parameter_arn])

    def grant_move(self, role: iam.IRole) -> None:
        allow(role, ["ssm:PutParameter"], [self.pointer.parameter_arn])

    def grant_read_shadow(self, role: iam.IRole) -> None:
        allow(role, ["ssm:GetParameter"], [self.shadow.parameter_arn])

    def grant_move_shadow(self, role: iam.IRole) -> None:
        allow(role, ["ssm:PutParameter"], [self.shadow.parameter_arn])
