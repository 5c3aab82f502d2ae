"""The canary for new code of a serving function: an alias that starts with a tenth of the work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import Annotations, CfnCodeDeployLambdaAliasUpdate, CfnUpdatePolicy, Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_codedeploy as codedeploy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from cdk_app.constructs.platform.foundation import Foundation
from cdk_app.constructs.platform.functions import inline_policy
from cdk_app.permissions import allow
from stresswatch.monitoring import dimension_names
from stresswatch.monitoring.panels import NAMESPACE

ALIAS = "live"
FORCE = "force"
"""Context value that deploys new code at once, regardless of alarms."""
_PERIOD = Duration.minutes(5)
_CONFIGURATION = "CodeDeployDefault.LambdaCanary10Percent{}Minutes"


@dataclass(frozen=True)
class FailureMetric:
    """A metric of a function's version for failures without a Lambda error.

    Attributes
    ----------
    metric, service : str
        The metric's name, and the service in its dimensions; the third dimension is the version.
    threshold : int
        Number in five minutes that rolls the alias back.
    meaning, runbook : str
        Texts for the alarm.
    """

    metric: str
    service: str
    threshold: int
    meaning: str
    runbook: str


class Canary(Construct):
    """An alias for a function's events or requests, and its canary.

    Each change of code or settings is a version of the function. CloudFormation lets CodeDeploy
    move the alias to it, and rolls everything back if an alarm fires. The alias keeps ``warm``
    environments at a price.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        foundation: Foundation,
        function: lambda_.Function,
        *,
        warm: int = 0,
    ):
        super().__init__(scope, id)
        self._stage = foundation.stage
        self._alarms = foundation.alarms
        self._function = function
        self.alias = lambda_.Alias(
            self,
            "Alias",
            alias_name=ALIAS,
            version=function.current_version,
            provisioned_concurrent_executions=warm or None,
        )

    def watch(self, failure: FailureMetric) -> None:
        """Move the alias with a canary, and roll it back if the new version fails.

        Only alarms on the new version count. While a watched alarm fires, CodeDeploy cannot deploy,
        and an alarm on the whole function fires just when a fix is needed most. See
        `docs/decisions/0020`.
        """
        if not self._stage.serving.canary_minutes:
            return
        watched = [self._watch_errors(failure.service), self._watch_own(failure)]
        group = self._group(watched)
        if self.node.try_get_context(FORCE):
            Annotations.of(self).add_info("Forced: new code takes over at once, without a canary.")
            return
        resource = self.alias.node.default_child
        assert isinstance(resource, lambda_.CfnAlias)
        resource.cfn_options.update_policy = CfnUpdatePolicy(
            code_deploy_lambda_alias_update=CfnCodeDeployLambdaAliasUpdate(
                application_name=group.application_name, deployment_group_name=group.ref
            )
        )

    def _watch_errors(self, service: str) -> cloudwatch.Alarm:
        # Lambda's metrics have these dimensions while the alias has two versions.
        name = self._function.function_name
        metric = cloudwatch.Metric(
            namespace="AWS/Lambda",
            metric_name="Errors",
            dimensions_map={
                "FunctionName": name,
                "Resource": f"{name}:{ALIAS}",
                "ExecutedVersion": self._version,
            },
            statistic="Sum",
            period=_PERIOD,
        )
        return self._alarms.make(
            self,
            "ErrorsAlarm",
            metric,
            name=self._alarm_name(service, "errors"),
            meaning=f"New code of the {service} function fails; the deployment is rolled back.",
            runbook="function-errors",
            threshold=1,
        )

    def _watch_own(self, failure: FailureMetric) -> cloudwatch.Alarm:
        metric = cloudwatch.Metric(
            namespace=NAMESPACE,
            metric_name=failure.metric,
            dimensions_map={
                dimension_names.STAGE: self._stage.name,
                dimension_names.SERVICE: failure.service,
                dimension_names.CODE_VERSION: self._version,
            },
            statistic="Sum",
            period=_PERIOD,
        )
        return self._alarms.make(
            self,
            "FailuresAlarm",
            metric,
            name=self._alarm_name(failure.service, "failures"),
            meaning=f"{failure.meaning} The code is new; the deployment is rolled back.",
            runbook=failure.runbook,
            threshold=failure.threshold,
        )

    @property
    def _version(self) -> str:
        return self._function.current_version.version

    def _alarm_name(self, service: str, what: str) -> str:
        """Name an alarm by the version, so that each version's alarm starts with a new state."""
        return f"{Stack.of(self).stack_name}-{service}-canary-{what}-{self._version}"

    def _group(self, alarms: Sequence[cloudwatch.Alarm]) -> codedeploy.CfnDeploymentGroup:
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("codedeploy.amazonaws.com"))
        inline_policy(role)
        # The higher-level construct would attach an AWS managed policy.
        allow(
            role,
            ["lambda:GetAlias", "lambda:GetProvisionedConcurrencyConfig", "lambda:UpdateAlias"],
            # By name, as the alias depends on this role's group.
            [self._function.function_arn, f"{self._function.function_arn}:{ALIAS}"],
        )
        allow(
            role,
            ["cloudwatch:DescribeAlarms"],
            ["*"],
            pattern_because="CodeDeploy reads alarms by name; AWS grants this for all alarms only.",
        )
        application = codedeploy.CfnApplication(self, "Application", compute_platform="Lambda")
        group = codedeploy.CfnDeploymentGroup(
            self,
            "Group",
            application_name=application.ref,
            service_role_arn=role.role_arn,
            deployment_config_name=_CONFIGURATION.format(self._stage.serving.canary_minutes),
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
        return group
