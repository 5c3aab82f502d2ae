"""The base of all functions: an own role, an encrypted log group, tracing, settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from aws_cdk import Annotations, Duration, RemovalPolicy, Size, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct, IConstruct

from cdk_app import bundling
from cdk_app.acknowledgements import acknowledge, acknowledge_in_checkov, acknowledge_wildcards
from cdk_app.names import VENDED_LOGS, stack_suffix
from cdk_app.permissions import allow
from cdk_app.settings.stage import Stage
from stresswatch.aws.environment import Environment
from stresswatch.model.scorer import ScorerKind
from stresswatch.monitoring.panels import NAMESPACE

UNRESERVED = 100
"""Concurrent executions that an account cannot reserve."""

_F = TypeVar("_F", bound=lambda_.Function)


class Functions(Construct):
    """Makes functions that share layers, key and stage."""

    def __init__(self, scope: Construct, id: str, stage: Stage, key: kms.IKey):
        super().__init__(scope, id)
        self._stage = stage
        self._key = key
        self.reserved_concurrency = 0
        """Total reserved concurrency of all functions."""
        self._packages: dict[str, lambda_.LayerVersion] = {}
        self._layers = [
            self._layer("Domain", bundling.domain_layer_code()),
            self.packages_layer("runtime"),
        ]

    def packages_layer(self, name: str) -> lambda_.LayerVersion:
        """Return the layer with the third-party packages of ``layers/<name>``."""
        if name not in self._packages:
            needs_python = self._stage.requires_byte_code and Stack.of(self).bundling_required
            code = bundling.packages_layer_code(name, requires_byte_code=needs_python)
            self._packages[name] = self._layer(name.capitalize(), code)
        return self._packages[name]

    def zip_function(
        self,
        scope: Construct,
        name: str,
        *,
        memory_mb: int,
        timeout: Duration,
        concurrency: int,
        environment: Environment,
        layers: Sequence[lambda_.LayerVersion] = (),
        storage_mb: int = 512,
    ) -> lambda_.Function:
        """Make the function of ``lambdas/<name>``, with the shared and its own layers."""
        function = lambda_.Function(
            scope,
            f"{name.capitalize()}Function",
            runtime=bundling.RUNTIME,
            code=bundling.function_code(name),
            handler="handler.handler",
            layers=[*self._layers, *layers],
            memory_size=memory_mb,
            ephemeral_storage_size=Size.mebibytes(storage_mb) if storage_mb > 512 else None,
            timeout=timeout,
            reserved_concurrent_executions=self._reserve(concurrency),
            **self._shared(scope, name, environment),
        )
        acknowledge(
            function,
            "AwsSolutions-L1",
            "Tests run on Python 3.13, and packages are built for it.",
        )
        return self._connected(function)

    def predicting_function(
        self,
        scope: Construct,
        name: str,
        *,
        memory_mb: int,
        timeout: Duration,
        concurrency: int,
        environment: Environment,
    ) -> lambda_.Function:
        """Make a function that loads models: from an image if these may need scikit-learn.

        CloudFormation replaces the function when a stage's scorer changes.
        """
        make: Callable[..., lambda_.Function] = self.zip_function
        if self._stage.serving.scorer is not ScorerKind.ARRAYS:
            make = partial(
                self.image_function,
                code=bundling.scikit_learn_image(name),
                # The functions have one vCPU: more threads would wait for each other.
                variables_of_libraries={"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            )
        return make(
            scope,
            name,
            memory_mb=memory_mb,
            timeout=timeout,
            concurrency=concurrency,
            environment=environment,
        )

    def image_function(
        self,
        scope: Construct,
        name: str,
        code: lambda_.DockerImageCode,
        *,
        memory_mb: int,
        timeout: Duration,
        concurrency: int,
        environment: Environment,
        variables_of_libraries: Mapping[str, str],
    ) -> lambda_.DockerImageFunction:
        """Make a function from a container image."""
        function = lambda_.DockerImageFunction(
            scope,
            f"{name.capitalize()}Function",
            code=code,
            memory_size=memory_mb,
            timeout=timeout,
            reserved_concurrent_executions=self._reserve(concurrency),
            **self._shared(scope, name, environment, variables_of_libraries),
        )
        return self._connected(function)

    def report_reserved_concurrency(self) -> None:
        """Warn at synthesis which concurrency the account needs, if any is reserved."""
        if self.reserved_concurrency:
            Annotations.of(self).add_info(
                f"The functions reserve {self.reserved_concurrency} concurrent executions, and "
                f"Lambda keeps {UNRESERVED} for others: the account and region need "
                f"{self.reserved_concurrency + UNRESERVED}, as `aws lambda get-account-settings "
                "--query AccountLimit` says."
            )

    def _reserve(self, concurrency: int) -> int | None:
        if not self._stage.serving.reserves_concurrency:
            return None
        self.reserved_concurrency += concurrency
        return concurrency

    def _connected(self, function: _F) -> _F:
        """Put a function into the stage's network, or acknowledge that it has none."""
        if not self._stage.serving.reserves_concurrency:
            acknowledge(
                function,
                "NIST.800.53.R5-LambdaConcurrency",
                "New accounts have too little concurrency to reserve. Shards, the gateway's "
                "throttling and the workflows' limits bound concurrent executions.",
            )
        if self._stage.security.subnet_ids:
            resource = function.node.default_child
            assert isinstance(resource, lambda_.CfnFunction)
            resource.vpc_config = lambda_.CfnFunction.VpcConfigProperty(
                subnet_ids=list(self._stage.security.subnet_ids),
                security_group_ids=list(self._stage.security.security_group_ids),
            )
            allow(
                role_of(function),
                [
                    "ec2:AssignPrivateIpAddresses",
                    "ec2:CreateNetworkInterface",
                    "ec2:DeleteNetworkInterface",
                    "ec2:DescribeNetworkInterfaces",
                    "ec2:DescribeSubnets",
                    "ec2:UnassignPrivateIpAddresses",
                ],
                ["*"],
                pattern_because="Lambda creates network interfaces, whose ids are unknown until "
                "then, and requires these actions on every resource.",
            )
        else:
            acknowledge(
                function,
                "NIST.800.53.R5-LambdaInsideVPC",
                "The function calls only AWS APIs, over TLS, and has no open port. VPC endpoints "
                "would cost money every hour, even without posts.",
            )
        acknowledge_in_checkov(
            function,
            "CKV_AWS_173",
            "Its settings are names and numbers without secrets; Lambda encrypts them with AWS's "
            "own key.",
        )
        return function

    def _shared(
        self,
        scope: Construct,
        name: str,
        environment: Environment,
        variables_of_libraries: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Return the properties of functions of both kinds."""
        role = iam.Role(
            scope,
            f"{name.capitalize()}Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        )
        inline_policy(role)
        acknowledge_wildcards(role, ["*"], "X-Ray lacks resource-level permissions.")
        logs_of_function = log_group(scope, f"{name.capitalize()}Logs", self._stage, self._key)
        allow(role, ["logs:CreateLogStream", "logs:PutLogEvents"], [logs_of_function.log_group_arn])
        return {
            "architecture": bundling.ARCHITECTURE,
            "role": role,
            "log_group": logs_of_function,
            "tracing": lambda_.Tracing.ACTIVE,
            "environment": {
                "POWERTOOLS_SERVICE_NAME": name,
                "POWERTOOLS_METRICS_NAMESPACE": NAMESPACE,
                **environment.render(),
                **(variables_of_libraries or {}),
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


def inline_policy(role: IConstruct) -> None:
    """Acknowledge that a role's policy is inline."""
    acknowledge(
        role,
        "NIST.800.53.R5-IAMNoInlinePolicy",
        "Each role has one user; its only policy is created and deleted with it.",
    )


def invoked_in_step(function: lambda_.Function, failures: str) -> None:
    """Acknowledge that a synchronous function has no dead-letter queue."""
    acknowledge(
        function, "NIST.800.53.R5-LambdaDLQ", f"All invocations are synchronous: {failures}"
    )


def role_of(function: lambda_.IFunction) -> iam.IRole:
    """Return the role of a function."""
    assert function.role
    return function.role


def log_group(
    scope: Construct, id: str, stage: Stage, key: kms.IKey, *, vended: str | None = None
) -> logs.LogGroup:
    """Make an encrypted log group with the stage's retention.

    A `vended` group has this name, and a service writes to it.
    """
    name = f"{VENDED_LOGS}{Stack.of(scope).stack_name}-{vended}-{stack_suffix(scope)}"
    group = logs.LogGroup(
        scope,
        id,
        log_group_name=name if vended else None,
        encryption_key=key,
        removal_policy=RemovalPolicy.DESTROY,
    )
    # The construct needs an enum member; the stage has the number of days.
    resource = group.node.default_child
    assert isinstance(resource, logs.CfnLogGroup)
    resource.retention_in_days = stage.storage.log_retention_days
    return group
