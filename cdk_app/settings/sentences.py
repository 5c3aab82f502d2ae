"""Error messages for settings, as one sentence: the setting, its value, and the valid values."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from enum import Enum
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

_WRITTEN = {
    bool: "True or False",
    int: "a whole number",
    float: "a number",
    str: "a text",
    NoneType: "None",
}


def sentence_of(error: ValidationError, model: type[BaseModel], group: str) -> str:
    """Return the sentence for a validation error from pydantic.

    Parameters
    ----------
    group : str
        Prefix of the model's setting names; may be empty.
    """
    faults = error.errors()
    # A misspelt name is also reported as missing.
    fault = next((one for one in faults if one["type"] == "extra_forbidden"), faults[0])
    name = str(fault["loc"][0]) if fault["loc"] else ""
    setting = f"{group}.{name}" if group else name
    if fault["type"] == "extra_forbidden":
        return f"there is no setting {setting}{_instead(name, model, group)}"
    field = model.model_fields[name]
    if fault["type"] == "missing":
        return f"{setting} is missing; it must be {written(field.annotation)}"
    value = fault["input"]
    if cause := fault.get("ctx", {}).get("error"):
        return f"{setting} is {value!r}; {cause}"
    limits = limits_of(field)
    if limits and fault["type"] in ("greater_than_equal", "less_than_equal"):
        lowest, highest = limits
        return f"{setting} is {value!r}; it must be between {lowest} and {highest}"
    if len(fault["loc"]) > 1 and isinstance(fault["loc"][1], int):
        return f"{setting} holds {value!r}; it must be {written(field.annotation)}"
    return f"{setting} is {value!r}; it must be {written(field.annotation)}"


def limits_of(field: FieldInfo) -> tuple[Any, Any] | None:
    """Return the lowest and the highest value of a field, if it has limits."""
    found = {
        name: getattr(limit, name)
        for limit in field.metadata
        for name in ("ge", "le")
        if hasattr(limit, name)
    }
    return (found["ge"], found["le"]) if found else None


def written(kind: Any) -> str:
    """Return a type in words."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return written(arguments[0])
    if origin is tuple:
        return "a tuple of names"
    if origin is Literal:
        return f"one of {', '.join(map(str, arguments))}"
    if arguments:
        return " or ".join(written(one) for one in arguments)
    if issubclass(kind, Enum):
        return f"one of {', '.join(one.value for one in kind)}"
    return _WRITTEN.get(kind, f"{kind.__name__}(…)")


def _instead(name: str, model: type[BaseModel], group: str) -> str:
    """Return the settings that are probably meant, here or in a group below."""
    paths = list(_paths(model, f"{group}." if group else ""))
    near = get_close_matches(name, [path.rpartition(".")[2] for path in paths], n=1)
    if near:
        meant = [path for path in paths if path.rpartition(".")[2] == near[0]]
        return f"; did you mean {' or '.join(meant)}?"
    return f"; there are {', '.join(model.model_fields)}"


def _paths(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield f"{prefix}{name}"
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from _paths(kind, f"{prefix}{name}.")
