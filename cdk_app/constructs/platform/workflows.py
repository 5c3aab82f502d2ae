"""The base of all workflows: names for policies, an own role, logs, tracing."""

from __future__ import annotations

from aws_cdk import ArnFormat, Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct, IConstruct

from cdk_app.acknowledgements import acknowledge_wildcards
from cdk_app.constructs.platform.foundation import Foundation
from cdk_app.constructs.platform.functions import inline_policy, log_group
from cdk_app.permissions import allow
from cdk_app.settings.stage import Stage
from stresswatch.aws.stack_outputs import stack_name

RETRAINING = "retraining"
SCORING = "scoring"
MONITORING = "monitoring"


def workflow(
    scope: Construct,
    foundation: Foundation,
    name: str,
    role: iam.Role,
    definition: sfn.IChainable | sfn.DefinitionBody,
    timeout: Duration | None = None,
) -> sfn.StateMachine:
    """Make a workflow with traces, and a log without its data."""
    body = (
        definition
        if isinstance(definition, sfn.DefinitionBody)
        else sfn.DefinitionBody.from_chainable(definition)
    )
    return sfn.StateMachine(
        scope,
        "Workflow",
        state_machine_name=_name(foundation.stage, name),
        definition_body=body,
        role=role,
        timeout=timeout,
        logs=sfn.LogOptions(
            destination=log_group(
                scope, "WorkflowLogs", foundation.stage, foundation.storage.key, vended=name
            ),
            level=sfn.LogLevel.ALL,
            include_execution_data=False,
        ),
        tracing_enabled=True,
    )


def workflow_role(scope: Construct) -> iam.Role:
    """Make the role of a workflow, with permissions for logs and traces."""
    role = iam.Role(scope, "WorkflowRole", assumed_by=iam.ServicePrincipal("states.amazonaws.com"))
    inline_policy(role)
    acknowledge_wildcards(role, ["*"], "X-Ray and log delivery lack resource-level permissions.")
    return role


def workflow_arn(scope: Construct, stage: Stage, name: str) -> str:
    """Return a workflow's ARN by its name, to avoid a circular dependency."""
    return _arn(scope, "stateMachine", _name(stage, name))


def allow_executions(role: iam.IRole, stage: Stage, name: str, *actions: str) -> None:
    """Allow actions on the executions of a workflow."""
    allow(
        role,
        list(actions),
        [_arn(role, "execution", f"{_name(stage, name)}:*")],
        pattern_because="An execution gets its name when it starts.",
    )


def integration(scope: Construct, service: str, operation: str) -> str:
    """Return the resource of a state that calls a service directly."""
    return Stack.of(scope).format_arn(
        service="states",
        region="",
        account="",
        resource=service,
        resource_name=operation,
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )


def _name(stage: Stage, name: str) -> str:
    return f"{stack_name(stage.name)}-{name}"


def _arn(scope: IConstruct, resource: str, name: str) -> str:
    return Stack.of(scope).format_arn(
        service="states",
        resource=resource,
        resource_name=name,
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )
