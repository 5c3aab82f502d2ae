"""What every function has: a role of its own, an encrypted log group, tracing, settings."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from cdk_app import bundling
from cdk_app.permissions import allow
from cdk_app.stages import Stage

METRICS_NAMESPACE = "Stresswatch"


class Functions(Construct):
    """Makes functions that share layers, key and stage."""

    def __init__(self, scope: Construct, id: str, stage: Stage, key: kms.IKey):
        super().__init__(scope, id)
        self._stage = stage
        self._key = key
        self._layers = [
            self._layer("Domain", bundling.domain_layer_code()),
            self._layer(
                "Runtime",
                bundling.runtime_layer_code(requires_byte_code=stage.requires_byte_code),
            ),
        ]

    def zip_function(
        self,
        scope: Construct,
        name: str,
        *,
        memory_mb: int,
        timeout: Duration,
        environment: Mapping[str, str],
    ) -> lambda_.Function:
        """Make the function of ``lambdas/<name>``, with the layers."""
        role = self._role(scope, name)
        return lambda_.Function(
            scope,
            f"{name.capitalize()}Function",
            runtime=bundling.RUNTIME,
            architecture=bundling.ARCHITECTURE,
            code=bundling.function_code(name),
            handler="handler.handler",
            layers=self._layers,
            role=role,
            log_group=self._log_group(scope, name, role),
            memory_size=memory_mb,
            timeout=timeout,
            tracing=lambda_.Tracing.ACTIVE,
            environment=self._environment(name) | dict(environment),
        )

    def image_function(
        self,
        scope: Construct,
        name: str,
        code: lambda_.DockerImageCode,
        *,
        memory_mb: int,
        timeout: Duration,
        environment: Mapping[str, str],
    ) -> lambda_.DockerImageFunction:
        """Make a function from a container image."""
        role = self._role(scope, name)
        return lambda_.DockerImageFunction(
            scope,
            f"{name.capitalize()}Function",
            architecture=bundling.ARCHITECTURE,
            code=code,
            role=role,
            log_group=self._log_group(scope, name, role),
            memory_size=memory_mb,
            timeout=timeout,
            tracing=lambda_.Tracing.ACTIVE,
            environment=self._environment(name) | dict(environment),
        )

    def _environment(self, name: str) -> dict[str, str]:
        return {
            "STAGE": self._stage.name,
            "POWERTOOLS_SERVICE_NAME": name,
            "POWERTOOLS_METRICS_NAMESPACE": METRICS_NAMESPACE,
        }

    def _layer(self, id: str, code: lambda_.Code) -> lambda_.LayerVersion:
        return lambda_.LayerVersion(
            self,
            id,
            code=code,
            compatible_runtimes=[bundling.RUNTIME],
            compatible_architectures=[bundling.ARCHITECTURE],
        )

    def _role(self, scope: Construct, name: str) -> iam.Role:
        return iam.Role(
            scope,
            f"{name.capitalize()}Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        )

    def _log_group(self, scope: Construct, name: str, role: iam.IRole) -> logs.LogGroup:
        group = log_group(scope, f"{name.capitalize()}Logs", self._stage, self._key)
        allow(role, ["logs:CreateLogStream", "logs:PutLogEvents"], [group.log_group_arn])
        return group


def log_group(scope: Construct, id: str, stage: Stage, key: kms.IKey) -> logs.LogGroup:
    """Make an encrypted log group that forgets after the stage's retention."""
    group = logs.LogGroup(
        scope,
        id,
        encryption_key=key,
        removal_policy=RemovalPolicy.DESTROY,
    )
    # The construct takes an enumeration of constants; the stage has the number of days.
    resource = group.node.default_child
    assert isinstance(resource, logs.CfnLogGroup)
    resource.retention_in_days = stage.log_retention_days
    return group
