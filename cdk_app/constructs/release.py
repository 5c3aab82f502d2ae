"""How new code of a function that serves takes over: behind an alias, a tenth of the work first."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import CfnCodeDeployLambdaAliasUpdate, CfnUpdatePolicy
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_codedeploy as codedeploy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from cdk_app.constructs.functions import inline_policy
from cdk_app.permissions import allow
from cdk_app.stages import Stage

ALIAS = "live"
_CONFIGURATION = "CodeDeployDefault.LambdaCanary10Percent{}Minutes"


class Release(Construct):
    """An alias of a function, which its events or requests go to, and what moves it.

    Each change of code or settings is a version of the function. CloudFormation lets CodeDeploy
    move the alias to it, and goes back with everything when CodeDeploy saw an alarm. ``warm``
    environments of the alias are kept, and paid for.
    """

    def __init__(
        self, scope: Construct, id: str, stage: Stage, function: lambda_.Function, *, warm: int = 0
    ):
        super().__init__(scope, id)
        self._stage = stage
        self._function = function
        self.alias = lambda_.Alias(
            self,
            "Alias",
            alias_name=ALIAS,
            version=function.current_version,
            provisioned_concurrent_executions=warm or None,
        )

    def watch(self, alarms: Sequence[cloudwatch.Alarm]) -> None:
        """Move the alias with a canary, and back when one of the alarms fires meanwhile."""
        if not self._stage.canary_minutes:
            return
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("codedeploy.amazonaws.com"))
        inline_policy(role)
        # The higher-level construct would attach a policy that AWS manages.
        allow(
            role,
            ["lambda:GetAlias", "lambda:GetProvisionedConcurrencyConfig", "lambda:UpdateAlias"],
            # By name: the alias waits for the group that this role is for.
            [self._function.function_arn, f"{self._function.function_arn}:{ALIAS}"],
        )
        allow(
            role,
            ["cloudwatch:DescribeAlarms"],
            ["*"],
            pattern_because="CodeDeploy asks for alarms by name, which AWS allows on all or none.",
        )
        application = codedeploy.CfnApplication(self, "Application", compute_platform="Lambda")
        group = codedeploy.CfnDeploymentGroup(
            self,
            "Group",
            application_name=application.ref,
            service_role_arn=role.role_arn,
            deployment_config_name=_CONFIGURATION.format(self._stage.canary_minutes),
            deployment_style=codedeploy.CfnDeploymentGroup.DeploymentStyleProperty(
                deployment_option="WITH_TRAFFIC_CONTROL", deployment_type="BLUE_GREEN"
            ),
            alarm_configuration=codedeploy.CfnDeploymentGroup.AlarmConfigurationProperty(
                enabled=True,
                alarms=[
                    codedeploy.CfnDeploymentGroup.AlarmProperty(name=alarm.alarm_name)
                    for alarm in alarms
                ],
            ),
            auto_rollback_configuration=(
                codedeploy.CfnDeploymentGroup.AutoRollbackConfigurationProperty(
                    enabled=True, events=["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"]
                )
            ),
        )
        group.node.add_dependency(role)
        resource = self.alias.node.default_child
        assert isinstance(resource, lambda_.CfnAlias)
        resource.cfn_options.update_policy = CfnUpdatePolicy(
            code_deploy_lambda_alias_update=CfnCodeDeployLambdaAliasUpdate(
                application_name=application.ref, deployment_group_name=group.ref
            )
        )
