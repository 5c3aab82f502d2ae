"""Check the parameters of a call against the service's model, as the service does.

botocore itself checks types, required members and lower limits. Only the service checks patterns,
upper limits and enumerations; emulators do not.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any

import botocore.session
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape
from botocore.validate import ParamValidator

from verification.aws import documented, patterns

EXCEPTIONS: Mapping[tuple[str, str], str] = {}
"""Shapes whose limits a service does not enforce, by service and name, with reasons."""


@functools.cache
def service(name: str) -> ServiceModel:
    """Return the model of a service by its botocore name."""
    return botocore.session.get_session().get_service_model(name)


def faults(operation: OperationModel, parameters: Mapping[str, Any]) -> list[str]:
    """Return the faults that the service would reject, as sentences that start with the member.

    Parameters
    ----------
    operation : botocore.model.OperationModel
    parameters : mapping
        Parameters as in botocore, by member name.
    """
    if operation.input_shape is None:
        return []
    name = operation.service_model.service_name
    return [
        *_faults(name, operation.input_shape, parameters),
        *documented.faults(name, operation.name, parameters),
    ]


def all_faults(operation: OperationModel, parameters: Mapping[str, Any]) -> list[str]:
    """Return the faults that botocore and the service would reject."""
    if operation.input_shape is None:
        return [f"{operation.name} takes no parameters"] if parameters else []
    report = ParamValidator().validate(dict(parameters), operation.input_shape)
    refused = report.generate_report().splitlines() if report.has_errors() else []
    return [*refused, *faults(operation, parameters)]


def _faults(service_name: str, shape: Shape, value: Any, path: str = "") -> Iterator[str]:
    if (service_name, shape.name) not in EXCEPTIONS:
        yield from (f"{path or 'input'}: {fault}" for fault in _own_faults(shape, value))
    for name, member, inner in _members(shape, value):
        yield from _faults(service_name, member, inner, f"{path}{name}")


def _members(shape: Shape, value: Any) -> Iterator[tuple[str, Shape, Any]]:
    match shape, value:
        case StructureShape(), Mapping():
            for name, inner in value.items():
                if inner is not None and name in shape.members:
                    yield f".{name}", shape.members[name], inner
        case ListShape(), list() | tuple():
            for place, inner in enumerate(value):
                yield f"[{place}]", shape.member, inner
        case MapShape(), Mapping():
            for name, inner in value.items():
                yield f"[{name!r} as a key]", shape.key, name
                yield f"[{name!r}]", shape.value, inner


def _own_faults(shape: Shape, value: Any) -> Iterator[str]:
    limits = shape.metadata
    if (size := _size(shape, value)) is not None:
        if size < limits.get("min", size):
            yield f"{_shown(value)} has {size} of at least {limits['min']}"
        if size > limits.get("max", size):
            yield f"{_shown(value)} has {size} of at most {limits['max']}"
    if isinstance(value, str) and shape.type_name == "string":
        if (allowed := limits.get("enum")) and value not in allowed:
            yield f"{_shown(value)} is none of {', '.join(allowed)}"
        if (pattern := limits.get("pattern")) and not patterns.matches(pattern, value):
            yield f"{_shown(value)} is not of the pattern {pattern}"


def _size(shape: Shape, value: Any) -> float | None:
    """Return what the limits of a shape are about: a length, or the number itself."""
    match shape.type_name:
        case "string" if isinstance(value, str):
            return len(value.encode("utf-16-le")) // 2  # Java's characters
        case "list" | "map" if isinstance(value, list | tuple | Mapping):
            return len(value)
        case "blob" if isinstance(value, str | bytes | bytearray):
            return len(value.encode() if isinstance(value, str) else value)
        case "integer" | "long" | "float" | "double" if isinstance(value, int | float):
            return value
    return None


def _shown(value: Any, most: int = 80) -> str:
    shown = repr(value)
    return shown if len(shown) <= most else f"{shown[:most]}…"
