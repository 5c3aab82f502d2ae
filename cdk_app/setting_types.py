"""Whether each setting is of its type: Python does not ask, and CloudFormation asks too late."""

from __future__ import annotations

from enum import Enum
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

from cdk_app.errors import InvalidStage

_WRITTEN = {
    bool: "True or False",
    int: "a whole number",
    float: "a number",
    str: "a text",
    NoneType: "None",
}


def check_types(settings: object, name: str) -> None:
    """See that every field of a dataclass holds what its annotation says.

    Raises
    ------
    InvalidStage
        With the first that does not.
    """
    for setting, kind in get_type_hints(type(settings)).items():
        value = getattr(settings, setting)
        if not _is(value, kind):
            raise InvalidStage(f"{name}: {setting} is {value!r}; it must be {_written(kind)}")


def _is(value: object, kind: Any) -> bool:
    if get_origin(kind) is tuple:
        return isinstance(value, tuple) and all(_is(one, get_args(kind)[0]) for one in value)
    if kinds := get_args(kind):
        return any(_is(value, one) for one in kinds)
    if issubclass(kind, Enum):
        return value in tuple(kind)
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, (int, float) if kind is float else kind)


def _written(kind: Any) -> str:
    if get_origin(kind) is tuple:
        return "a tuple of names"
    if kinds := get_args(kind):
        return " or ".join(map(_written, kinds))
    if issubclass(kind, Enum):
        return f"one of {', '.join(kind)}"
    return _WRITTEN.get(kind, f"{kind.__name__}(…)")
