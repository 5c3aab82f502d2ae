"""What every function has: a role of its own, an encrypted log group, tracing, settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
        return lambda_.Function(
            scope,
            f"{name.capitalize()}Function",
            runtime=bundling.RUNTIME,
            code=bundling.function_code(name),
            handler="handler.handler",
            layers=self._layers,
            memory_size=memory_mb,
            timeout=timeout,
            **self._shared(scope, name, environment),
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
        return lambda_.DockerImageFunction(
            scope,
            f"{name.capitalize()}Function",
            code=code,
            memory_size=memory_mb,
            timeout=timeout,
            **self._shared(scope, name, environment),
        )

    def _shared(
        self, scope: Construct, name: str, environment: Mapping[str, str]
    ) -> dict[str, Any]:
        """Give what functions of both kinds have."""
        role = iam.Role(
            scope,
            f"{name.capitalize()}Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        )
        logs_of_function = log_group(scope, f"{name.capitalize()}Logs", self._stage, self._key)
        allow(role, ["logs:CreateLogStream", "logs:PutLogEvents"], [logs_of_function.log_group_arn])
        return {
            "architecture": bundling.ARCHITECTURE,
            "role": role,
            "log_group": logs_of_function,
            "tracing": lambda_.Tracing.ACTIVE,
            "environment": {
                "STAGE": self._stage.name,
                "POWERTOOLS_SERVICE_NAME": name,
                "POWERTOOLS_METRICS_NAMESPACE": METRICS_NAMESPACE,
                **environment,
            },
        }

    def _layer(self, id: str, code: lambda_.Code) -> lambda_.LayerVersion:
        return lambda_.LayerVersion(
            self,
            id,
            code=code,
            compatible_runtimes=[bundling.RUNTIME],
            compatible_architectures=[bundling.ARCHITECTURE],
        )


def role_of(function: lambda_.Function) -> iam.IRole:
    """Give the role that a function was made with."""
    assert function.role
    return function.role


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
