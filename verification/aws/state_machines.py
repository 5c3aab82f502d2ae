"""Check state machines: their language, and their states' calls of services.

Step Functions checks a definition when a state machine is made, and the parameters of a call when
the state is entered: emulators do neither.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import UnknownServiceError
from botocore.model import (
    ListShape,
    MapShape,
    OperationModel,
    OperationNotFoundError,
    Shape,
    StructureShape,
)
from cfnlint import ManualArgs
from cfnlint.api import lint

from verification.aws import patterns
from verification.aws.service_models import all_faults, service
from verification.aws.templates import Template

_INTEGRATION = re.compile(
    r"arn:aws:states:::(?P<sdk>aws-sdk:)?(?P<service>\w+):(?P<operation>[a-z]\w*)"
    r"(?P<pattern>\.\w+(?::\d)?)?"
)
_TOKEN, _SYNC = ".waitForTaskToken", ".sync"
_OPTIMISED: Mapping[str, Mapping[str, frozenset[str]]] = {
    "athena": {
        "getQueryExecution": frozenset(),
        "getQueryResults": frozenset(),
        "startQueryExecution": frozenset({_SYNC}),
        "stopQueryExecution": frozenset(),
    },
    "dynamodb": dict.fromkeys(("deleteItem", "getItem", "putItem", "updateItem"), frozenset()),
    "events": {"putEvents": frozenset({_TOKEN})},
    "glue": {"startJobRun": frozenset({_SYNC})},
    "lambda": {"invoke": frozenset({_TOKEN})},
    "sagemaker": {
        **dict.fromkeys(
            ("createEndpoint", "createEndpointConfig", "createModel", "updateEndpoint"), frozenset()
        ),
        **dict.fromkeys(
            (
                "createHyperParameterTuningJob",
                "createLabelingJob",
                "createProcessingJob",
                "createTrainingJob",
                "createTransformJob",
            ),
            frozenset({_SYNC}),
        ),
    },
    "sns": {"publish": frozenset({_TOKEN})},
    "sqs": {"sendMessage": frozenset({_TOKEN})},
    "states": {"startExecution": frozenset({_SYNC, ".sync:2", _TOKEN})},
}
"""Operations with an optimised integration, by service, and the ways to wait for each.

https://docs.aws.amazon.com/step-functions/latest/dg/integrate-optimized.html
"""
_READERS = frozenset({"getObject", "listObjectsV2"})
"""S3 operations for a map's items."""
_WORKERS = re.compile(r"arn:aws:(lambda:[\w-]+:\d+:function|states:[\w-]+:\d+:activity):.+")
_ERRORS = frozenset(
    {
        "States.ALL",
        "States.BranchFailed",
        "States.DataLimitExceeded",
        "States.ExceedToleratedFailureThreshold",
        "States.HeartbeatTimeout",
        "States.Http.Socket",
        "States.IntrinsicFailure",
        "States.ItemReaderFailed",
        "States.NoChoiceMatched",
        "States.ParameterPathFailure",
        "States.Permissions",
        "States.QueryEvaluationError",
        "States.ResultPathMatchFailure",
        "States.ResultWriterFailed",
        "States.Runtime",
        "States.TaskFailed",
        "States.Timeout",
    }
)
"""https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html"""
_SERVICES = {
    "sfn": "stepfunctions",
    "states": "stepfunctions",
    "eventbridge": "events",
    "cloudwatchlogs": "logs",
}
"""botocore's service names where Step Functions has others."""

_SAMPLES = ("sample", "s3://bucket/key", "arn:aws:iam::123456789012:role/role", "1")

Definition = Mapping[str, Any]


def definitions(template: Template) -> Iterator[tuple[str, Definition]]:
    """Return the definition of each state machine of a template, by logical id."""
    for name, properties in template.properties("AWS::StepFunctions::StateMachine"):
        yield name, json.loads(properties["DefinitionString"])


def language_faults(definition: Definition) -> list[str]:
    """Return the findings of cfn-lint's schema of the Amazon States Language."""
    machine = {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {
            "DefinitionString": json.dumps(definition),
            "RoleArn": "arn:aws:iam::123456789012:role/workflow",
        },
    }
    found = lint(json.dumps({"Resources": {"Machine": machine}}), config=ManualArgs())
    return [f"{match.rule.id}: {match.message}" for match in found]


def path_faults(definition: Definition) -> Iterator[str]:
    """Return missing states, and unreachable states."""
    for states in levels(definition):
        names = set(states["States"])
        named = {states["StartAt"], *_named(states["States"])}
        yield from (f"there is no state {one}" for one in sorted(named - names))
        yield from (f"nothing comes to the state {one}" for one in sorted(names - named))


def integration_faults(definition: Definition) -> Iterator[str]:
    """Return the faults in states' parameters that services would reject."""
    for name, state in _tasks(definition):
        found = _INTEGRATION.fullmatch(state["Resource"])
        if found is None:
            if not _WORKERS.fullmatch(state["Resource"]):
                yield f"{name}: {state['Resource']} is not a function, activity or integration"
            continue
        given = state.get("Parameters", state.get("Arguments", {}))
        if not _waits(found, is_reader="Type" not in state):
            yield f"{name}: there is no integration {state['Resource']}"
        if found["pattern"] == _TOKEN and "$$.Task.Token" not in json.dumps(given):
            yield f"{name}: it waits for a task token that it does not pass on"
        try:
            called = _SERVICES.get(found["service"], found["service"])
            operation = _operation(called, found["operation"])
        except (OperationNotFoundError, UnknownServiceError):
            yield f"{name}: there is no call {found['service']}:{found['operation']}"
            continue
        parameters = _as_called(operation, operation.input_shape, given)
        for fault in all_faults(operation, parameters):
            yield f"{name}: {operation.name}: {fault}"


def error_faults(definition: Definition) -> Iterator[str]:
    """Return unknown Step Functions errors that states handle."""
    for level in levels(definition):
        for name, state in level["States"].items():
            for one in (*state.get("Retry", []), *state.get("Catch", [])):
                for error in one["ErrorEquals"]:
                    if error.startswith("States.") and error not in _ERRORS:
                        yield f"{name}: there is no error {error}"


def _waits(found: re.Match[str], *, is_reader: bool) -> bool:
    """Return whether a service supports the kind of call in a resource."""
    pattern = found["pattern"] or ""
    if found["sdk"]:
        return pattern in ("", _TOKEN)
    if is_reader:
        return (found["service"], pattern) == ("s3", "") and found["operation"] in _READERS
    ways = _OPTIMISED.get(found["service"], {}).get(found["operation"])
    return ways is not None and (not pattern or pattern in ways)


def _operation(name: str, operation: str) -> OperationModel:
    return service(name).operation_model(operation[0].upper() + operation[1:])


def _as_called(operation: OperationModel, shape: Shape | None, given: Any) -> Any:
    """Return parameters as in botocore, with samples of values that are known only at run time.

    A state names each member with a capital, regardless of the service's spelling.
    """
    match shape, given:
        case StructureShape(), Mapping():
            called = {}
            for key, value in given.items():
                member = _member(shape, key.removesuffix(".$"))
                inner = shape.members.get(member)
                called[member] = (
                    _sample(inner) if key.endswith(".$") else _as_called(operation, inner, value)
                )
            return called
        case MapShape(), Mapping():
            return {
                key.removesuffix(".$"): (
                    _sample(shape.value)
                    if key.endswith(".$")
                    else _as_called(operation, shape.value, value)
                )
                for key, value in given.items()
            }
        case ListShape(), list():
            return [_as_called(operation, shape.member, one) for one in given]
    if shape is not None and shape.type_name in ("string", "blob") and not isinstance(given, str):
        return json.dumps(given)  # Step Functions serialises it as JSON
    return given


def _member(shape: StructureShape, key: str) -> str:
    """Return the service's name of a member; for an unknown member, its description."""
    named = {f"{name[0].upper()}{name[1:]}": name for name in shape.members}
    return named.get(key, f"{key}, without its capital" if key in shape.members else key)


def _sample(shape: Shape | None) -> Any:
    """Return a valid value for a shape; the strict test doubles check values at run time."""
    if shape is None:
        return "sample"
    match shape:
        case ListShape():
            return [_sample(shape.member)]
        case StructureShape():
            return {one: _sample(shape.members[one]) for one in shape.required_members}
        case MapShape():
            return {}
    match shape.type_name:
        case "string":
            return _text(shape)
        case "integer" | "long":
            return int(shape.metadata.get("min", 1))
        case "boolean":
            return True
    return b"sample"


def _text(shape: Shape) -> str:
    if "enum" in shape.metadata:
        return str(shape.metadata["enum"][0])
    pattern, least = shape.metadata.get("pattern"), shape.metadata.get("min", 0)
    for one in _SAMPLES:
        if len(one) >= least and (not pattern or patterns.matches(pattern, one)):
            return one
    raise ValueError(f"no sample is a {shape.name}, whose pattern is {pattern}")


def _tasks(definition: Definition) -> Iterator[tuple[str, Any]]:
    """Yield the callers of services: tasks, and readers of a map's items."""
    for level in levels(definition):
        for name, state in level["States"].items():
            if state["Type"] == "Task":
                yield name, state
            if "ItemReader" in state:
                yield f"{name}, its reader", state["ItemReader"]


def levels(definition: Definition) -> Iterator[Definition]:
    """Yield a definition, and those in its maps and parallel states."""
    yield definition
    for state in definition["States"].values():
        inner = [state.get("ItemProcessor"), state.get("Iterator"), *state.get("Branches", [])]
        for one in inner:
            if one:
                yield from levels(one)


def _named(states: Mapping[str, Any]) -> Iterator[str]:
    for state in states.values():
        for field in ("Next", "Default"):
            if field in state:
                yield state[field]
        for one in (*state.get("Choices", []), *state.get("Catch", [])):
            yield one["Next"]
