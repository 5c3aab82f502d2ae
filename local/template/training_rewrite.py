"""The rewrite that trains in a function instead of SageMaker."""

from __future__ import annotations

import copy
import json
from typing import Any

from local.errors import UnsupportedTemplate
from local.template.resources import (
    RUNTIME,
    RewriteContext,
    Template,
    as_list,
    code_of,
    resources_of,
)
from local.template.state_machine_definition import Definition, map_tasks
from local.training_runner.handler import CONTAINER_VARIABLES, ENTRY_POINT
from stresswatch.retraining.tracking import TRACKING_ADDRESS

TRAINING_RUNNER = "TrainingRunner"
"""Logical id of the function in place of SageMaker training jobs."""

_TRAINING_TASK = ":states:::sagemaker:createTrainingJob.sync"
_SHUTDOWN_SECONDS = 60


def train_with_a_function(template: Template, context: RewriteContext) -> Template:
    """Replace the task `sagemaker:createTrainingJob.sync` by the invocation of a function.

    The emulator has no SageMaker. The function `training-runner` gets the job's request as its
    event. It runs the container's entry point with SageMaker's directories under the job's own
    role, and answers like `DescribeTrainingJob`. Only this machine's MLflow records it, if any,
    even if the stage has an address.
    """
    changed = copy.deepcopy(template)
    runners: list[dict[str, Any]] = []
    for _name, machine in resources_of(changed, "AWS::StepFunctions::StateMachine"):
        properties = machine["Properties"]
        definition = Definition.parse(properties["DefinitionString"])
        runner = _replace_training_task(definition, context)
        if not runner:
            continue
        properties["DefinitionString"] = definition.render()
        machine["DependsOn"] = [*as_list(machine.get("DependsOn", [])), f"{TRAINING_RUNNER}Invoke"]
        runners.append(runner)
        changed["Resources"][f"{TRAINING_RUNNER}Invoke"] = _invoke_policy(properties["RoleArn"])
        changed["Resources"][TRAINING_RUNNER] = runner
    if len(runners) > 1:
        raise UnsupportedTemplate("more than one state machine trains with SageMaker")
    return changed


def _replace_training_task(
    definition: Definition, context: RewriteContext
) -> dict[str, Any] | None:
    """Replace the training task in the definition; return the function that it invokes instead."""
    functions: list[dict[str, Any]] = []

    def replace_task(task: dict[str, Any]) -> dict[str, Any]:
        if not task["Resource"].endswith(_TRAINING_TASK):
            return task
        functions.append(_runner_function(definition, task["Parameters"], context))
        return task | {"Resource": definition.token({"Fn::GetAtt": [TRAINING_RUNNER, "Arn"]})}

    definition.states = map_tasks(definition.states, replace_task)
    if len(functions) > 1:
        raise UnsupportedTemplate("a state machine trains with SageMaker in more than one task")
    return functions[0] if functions else None


def _runner_function(
    definition: Definition, request: dict[str, Any], context: RewriteContext
) -> dict[str, Any]:
    code = code_of(definition.resolve(request["AlgorithmSpecification"]["TrainingImage"]), context)
    longest = int(request["StoppingCondition"]["MaxRuntimeInSeconds"])
    # A job on this machine is recorded on this machine, never at the stage's MLflow.
    here = {TRACKING_ADDRESS: context.tracking_uri or ""}
    return {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "FunctionName": "training-runner",
            "Code": {"S3Bucket": code.bucket, "S3Key": code.key},
            "Handler": "handler.handler",
            "Runtime": RUNTIME,
            "Role": definition.resolve(request["RoleArn"]),
            "Timeout": longest + _SHUTDOWN_SECONDS,
            "Environment": {
                "Variables": {
                    ENTRY_POINT: json.dumps(code.entry_point),
                    CONTAINER_VARIABLES: json.dumps(here),
                }
            },
        },
    }


def _invoke_policy(role_arn: Any) -> dict[str, Any]:
    match role_arn:
        case {"Fn::GetAtt": [str(role), "Arn"]}:
            pass
        case _:
            raise UnsupportedTemplate("the role of a state machine that trains is not the stack's")
    return {
        "Type": "AWS::IAM::Policy",
        "Properties": {
            "PolicyName": "invoke-training-runner",
            "Roles": [{"Ref": role}],
            "PolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Action": "lambda:InvokeFunction",
                        "Resource": {"Fn::GetAtt": [TRAINING_RUNNER, "Arn"]},
                    }
                ],
            },
        },
    }
