"""Every difference between the template that is synthesized and what is deployed locally.

Each rewrite is a function from a template to a template that changes one thing for one reason;
the template that comes in is left as it is. `REWRITES` has them in the order of their application.
What a rewrite takes away from the emulator (`ministack`), `local/` does itself.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from local.definition import Definition, map_tasks
from local.errors import UnsupportedTemplate

Template = dict[str, Any]

ALARM_NAMESPACE_PREFIX = "local:"
TRAINING_RUNNER = "TrainingRunner"
"""Logical id of the function that stands in for SageMaker training jobs."""

_RUNTIME = "python3.13"
_TRAINING_TASK = ":states:::sagemaker:createTrainingJob.sync"
_SHUTDOWN_SECONDS = 60
_SCHEDULED_TIME = "<aws.scheduler.scheduled-time>"
_WITHOUT_TLS = {"Bool": {"aws:SecureTransport": "false"}}


@dataclass(frozen=True)
class ImageCode:
    """Where the code of a container image lies as a zip, and how the image would start it."""

    bucket: str
    key: str
    handler: str = "handler.handler"
    entry_point: tuple[str, ...] = ()


@dataclass(frozen=True)
class Surroundings:
    """What the rewrites need to know beside the template."""

    images: Mapping[str, ImageCode] = field(default_factory=dict)
    """By image tag."""
    foreign_layers: frozenset[str] = frozenset()
    """Asset keys of layers that hold third-party packages."""
    tracking_uri: str | None = None
    """Where MLflow records the training jobs of this machine."""
    endpoint_url: str = ""
    """Where the emulator listens."""


def disable_kinesis_mappings(template: Template, _: Surroundings) -> Template:
    """Deploy Kinesis event source mappings disabled; `local/poller.py` polls in their place.

    The emulator's own polling ignores partial batch responses, bisecting, retry limits, record
    age, batching windows and failure destinations, and it loses records by that.
    """
    changed = copy.deepcopy(template)
    for mapping in kinesis_mappings(changed).values():
        mapping["Properties"]["Enabled"] = False
    return changed


def hide_metrics_from_alarms(template: Template, _: Surroundings) -> Template:
    """Let alarms watch a namespace in which nothing happens; `local/alarms.py` evaluates them.

    The emulator evaluates an alarm whenever any metric is put, without regard to dimensions,
    periods, M of N and missing data. The prefix is taken off again when the alarm is read.
    """
    changed = copy.deepcopy(template)
    for _name, alarm in _resources(changed, "AWS::CloudWatch::Alarm"):
        properties = alarm["Properties"]
        if "Namespace" in properties:
            properties["Namespace"] = ALARM_NAMESPACE_PREFIX + properties["Namespace"]
    return changed


def run_image_functions_from_zip(template: Template, surroundings: Surroundings) -> Template:
    """Run functions that are deployed as container images from a zip of the same code.

    The emulator runs images with Docker alone. The packages that the image installs are those of
    the interpreter that the emulator runs on.
    """
    changed = copy.deepcopy(template)
    for _name, function in _resources(changed, "AWS::Lambda::Function"):
        properties = function["Properties"]
        if properties.get("PackageType") != "Image":
            continue
        code = _code_of(properties["Code"]["ImageUri"], surroundings)
        for surplus in ("PackageType", "ImageConfig"):
            properties.pop(surplus, None)
        properties |= {
            "Code": {"S3Bucket": code.bucket, "S3Key": code.key},
            "Handler": code.handler,
            "Runtime": _RUNTIME,
        }
    return changed


def leave_out_foreign_layers(template: Template, surroundings: Surroundings) -> Template:
    """Leave out layers of third-party packages: they are built for arm64 and Python 3.13.

    The same packages, in the same versions, are installed in the interpreter that the emulator
    runs functions on.
    """
    changed = copy.deepcopy(template)
    foreign = {
        name
        for name, layer in _resources(changed, "AWS::Lambda::LayerVersion")
        if layer["Properties"]["Content"].get("S3Key") in surroundings.foreign_layers
    }
    changed = _without(changed, foreign)
    for _name, function in _resources(changed, "AWS::Lambda::Function"):
        layers = function["Properties"].get("Layers", [])
        function["Properties"]["Layers"] = [
            layer for layer in layers if layer.get("Ref") not in foreign
        ]
    return changed


def allow_plain_http(template: Template, _: Surroundings) -> Template:
    """Drop the statements that deny requests without TLS.

    The emulator listens on this machine's own address, without TLS, and would refuse everything.
    """
    changed = copy.deepcopy(template)
    emptied: set[str] = set()
    for kind in ("AWS::S3::BucketPolicy", "AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy"):
        for name, policy in _resources(changed, kind):
            document = policy["Properties"]["PolicyDocument"]
            document["Statement"] = [
                statement
                for statement in document["Statement"]
                if statement.get("Condition") != _WITHOUT_TLS
            ]
            if not document["Statement"]:
                emptied.add(name)
    return _without(changed, emptied)


def leave_out_metric_namespaces(template: Template, _: Surroundings) -> Template:
    """Drop the condition that bounds `PutMetricData` to a namespace.

    The emulator does not know the key `cloudwatch:namespace`, and would refuse every metric.
    """
    changed = copy.deepcopy(template)
    for _name, policy in _resources(changed, "AWS::IAM::Policy"):
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            if "cloudwatch:namespace" in json.dumps(statement.get("Condition", {})):
                del statement["Condition"]
    return changed


def leave_out_saved_queries(template: Template, _: Surroundings) -> Template:
    """Leave out the saved queries of Athena.

    The emulator has Athena, but refuses templates with this type of resource.
    """
    queries = {name for name, _query in _resources(template, "AWS::Athena::NamedQuery")}
    return _without(copy.deepcopy(template), queries)


def start_schedules_by_rules(template: Template, _: Surroundings) -> Template:
    """Replace schedules of EventBridge Scheduler by scheduled rules of EventBridge.

    The emulator's Scheduler looks every ten seconds, and leaves the scheduled time's place in the
    target's input as it is. A rule's event has the time under the same name, `time`.
    """
    changed = copy.deepcopy(template)
    for name, schedule in _resources(changed, "AWS::Scheduler::Schedule"):
        properties = schedule["Properties"]
        target = dict(properties["Target"])
        given = target.pop("Input", None)
        if given is not None:
            target |= _input_of_rule(given)
        changed["Resources"][name] = schedule | {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "Description": properties.get("Description", ""),
                "ScheduleExpression": properties["ScheduleExpression"],
                "State": properties.get("State", "ENABLED"),
                "Targets": [{"Id": "Target0", **target}],
            },
        }
    return changed


def leave_out_canaries(template: Template, _: Surroundings) -> Template:
    """Let what calls an alias call its function, and leave out what moves aliases.

    The emulator has no CodeDeploy. New code takes over at once, as with `make deploy FORCE=1`, so
    the alarms that watch one version while another serves have nothing to watch.
    """
    served = {
        name: alias["Properties"]["FunctionName"]["Ref"]
        for name, alias in _resources(template, "AWS::Lambda::Alias")
    }
    versions = {name for name, _version in _resources(template, "AWS::Lambda::Version")}
    of_versions = {
        name
        for name, alarm in _resources(template, "AWS::CloudWatch::Alarm")
        if any(version in json.dumps(alarm["Properties"]) for version in versions)
    }
    moving = {
        name
        for name, resource in template["Resources"].items()
        if resource["Type"].startswith("AWS::CodeDeploy::")
    }
    left = _without(copy.deepcopy(template), {*served, *versions, *of_versions, *moving})
    changed: Template = _map_references(
        left, lambda name: {"Fn::GetAtt": [served[name], "Arn"]} if name in served else None
    )
    return changed


def address_apis_by_path(template: Template, surroundings: Surroundings) -> Template:
    """Let outputs that name an HTTP API's endpoint name a path of the emulator's own address.

    The emulator gives each API a host name of its own, as AWS does, which nobody resolves here.
    """
    changed = copy.deepcopy(template)
    for output in changed.get("Outputs", {}).values():
        match output["Value"]:
            case {"Fn::GetAtt": [str(name), "ApiEndpoint"]}:
                base = f"{surroundings.endpoint_url}/_aws/execute-api/"
                output["Value"] = {"Fn::Join": ["", [base, {"Ref": name}]]}
    return changed


def train_with_a_function(template: Template, surroundings: Surroundings) -> Template:
    """Replace the task `sagemaker:createTrainingJob.sync` by the invocation of a function.

    The emulator has no SageMaker. The function `training-runner` gets the request of the job as
    its event, runs the container's entry point over SageMaker's directory contract, under the
    job's own role, and answers as `DescribeTrainingJob` does. It is recorded by this machine's
    MLflow, if by any, whatever address the stage has.
    """
    changed = copy.deepcopy(template)
    runners: list[dict[str, Any]] = []
    for _name, machine in _resources(changed, "AWS::StepFunctions::StateMachine"):
        properties = machine["Properties"]
        definition = Definition.parse(properties["DefinitionString"])
        runner = _replace_training_task(definition, surroundings)
        if not runner:
            continue
        properties["DefinitionString"] = definition.render()
        machine["DependsOn"] = [*_as_list(machine.get("DependsOn", [])), f"{TRAINING_RUNNER}Invoke"]
        runners.append(runner)
        changed["Resources"][f"{TRAINING_RUNNER}Invoke"] = _invoke_policy(properties["RoleArn"])
        changed["Resources"][TRAINING_RUNNER] = runner
    if len(runners) > 1:
        raise UnsupportedTemplate("more than one state machine trains with SageMaker")
    return changed


Rewrite = Callable[[Template, Surroundings], Template]

REWRITES: tuple[Rewrite, ...] = (
    disable_kinesis_mappings,
    hide_metrics_from_alarms,
    run_image_functions_from_zip,
    leave_out_foreign_layers,
    allow_plain_http,
    leave_out_metric_namespaces,
    leave_out_saved_queries,
    start_schedules_by_rules,
    leave_out_canaries,
    address_apis_by_path,
    train_with_a_function,
)


def rewrite(template: Template, surroundings: Surroundings) -> Template:
    """Apply every rewrite."""
    for step in REWRITES:
        template = step(template, surroundings)
    return template


def kinesis_mappings(template: Template) -> Template:
    """Give the enabled event source mappings that read Kinesis streams, by logical id."""
    return {
        name: mapping
        for name, mapping in _resources(template, "AWS::Lambda::EventSourceMapping")
        if mapping["Properties"].get("Enabled", True)
        and _is_kinesis(template, mapping["Properties"].get("EventSourceArn"))
    }


def _is_kinesis(template: Template, source: Any) -> bool:
    match source:
        case {"Fn::GetAtt": [str(name), *_]}:
            return bool(template["Resources"][name]["Type"] == "AWS::Kinesis::Stream")
        case _:
            return ":kinesis:" in json.dumps(source)


def _resources(template: Template, kind: str) -> list[tuple[str, dict[str, Any]]]:
    return [
        (name, resource)
        for name, resource in template["Resources"].items()
        if resource["Type"] == kind
    ]


def _without(template: Template, names: set[str]) -> Template:
    """Leave out resources, and what waits for them to be created."""
    resources = {
        name: resource for name, resource in template["Resources"].items() if name not in names
    }
    for resource in resources.values():
        if "DependsOn" in resource:
            resource["DependsOn"] = [
                name for name in _as_list(resource["DependsOn"]) if name not in names
            ]
    return template | {"Resources": resources}


def _map_references(value: Any, change: Callable[[str], dict[str, Any] | None]) -> Any:
    """Put something else in the place of a `Ref`, where `change` gives it."""
    match value:
        case {"Ref": str(name)} if (changed := change(name)) is not None:
            return changed
        case dict():
            return {key: _map_references(one, change) for key, one in value.items()}
        case list():
            return [_map_references(one, change) for one in value]
    return value


def _code_of(image_uri: Any, surroundings: Surroundings) -> ImageCode:
    text = json.dumps(image_uri)
    for tag, code in surroundings.images.items():
        if tag in text:
            return code
    raise UnsupportedTemplate(f"the image {text} is not one of the app's own")


def _replace_training_task(
    definition: Definition, surroundings: Surroundings
) -> dict[str, Any] | None:
    """Replace the training task in the definition; give the function that it invokes instead."""
    functions: list[dict[str, Any]] = []

    def replace_task(task: dict[str, Any]) -> dict[str, Any]:
        if not task["Resource"].endswith(_TRAINING_TASK):
            return task
        functions.append(_runner_function(definition, task["Parameters"], surroundings))
        return task | {"Resource": definition.token({"Fn::GetAtt": [TRAINING_RUNNER, "Arn"]})}

    definition.states = map_tasks(definition.states, replace_task)
    if len(functions) > 1:
        raise UnsupportedTemplate("a state machine trains with SageMaker in more than one task")
    return functions[0] if functions else None


def _runner_function(
    definition: Definition, request: dict[str, Any], surroundings: Surroundings
) -> dict[str, Any]:
    code = _code_of(
        definition.resolve(request["AlgorithmSpecification"]["TrainingImage"]), surroundings
    )
    longest = int(request["StoppingCondition"]["MaxRuntimeInSeconds"])
    variables = {"ENTRY_POINT": json.dumps(code.entry_point)}
    if surroundings.tracking_uri:
        variables["MLFLOW_TRACKING_URI"] = surroundings.tracking_uri
    return {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "FunctionName": "training-runner",
            "Code": {"S3Bucket": code.bucket, "S3Key": code.key},
            "Handler": "handler.handler",
            "Runtime": _RUNTIME,
            "Role": definition.resolve(request["RoleArn"]),
            "Timeout": longest + _SHUTDOWN_SECONDS,
            "Environment": {"Variables": variables},
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


def _input_of_rule(given: str) -> dict[str, Any]:
    """Give the same input in a rule's words: the scheduled time is the event's."""
    if _SCHEDULED_TIME not in given:
        return {"Input": given}
    return {
        "InputTransformer": {
            "InputPathsMap": {"time": "$.time"},
            "InputTemplate": given.replace(f'"{_SCHEDULED_TIME}"', "<time>"),
        }
    }


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
