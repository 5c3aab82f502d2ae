"""Function environments as types: one class per function, rendered by CDK and parsed on Lambda.

A field's name in capitals is the variable's name, so each name has a single definition. Its type is
`str`, `int`, `float`, `bool`, an enumeration of strings, or a class with ``to_json`` and
``from_json``; or one of these or None, for an optional variable.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import cache
from types import NoneType
from typing import Any, Self, cast, get_args, get_type_hints

from stresswatch.errors import Unavailable


class InvalidEnvironment(Unavailable):
    """A required environment variable is missing or malformed."""


@dataclass(frozen=True, kw_only=True)
class Environment:
    """Fields common to all functions."""

    stage: str

    @classmethod
    def parse(cls, variables: Mapping[str, str]) -> Self:
        """Read the fields from variables, and ignore other variables.

        Raises
        ------
        InvalidEnvironment
            When one is missing, blank, or not of its field's type. Numbers must be finite and
            not negative.
        """
        return cls(
            **{field: _read(field.upper(), kind, variables) for field, kind in _types(cls).items()}
        )

    def render(self) -> dict[str, str]:
        """Return the variables that `parse` reads.

        Raises
        ------
        InvalidEnvironment
            When `parse` could not restore the same values.
        """
        values = {field: getattr(self, field) for field in _types(type(self))}
        variables = {
            field.upper(): _write(value) for field, value in values.items() if value is not None
        }
        parsed = self.parse(variables)
        for field, value in values.items():
            if getattr(parsed, field) != value:
                raise InvalidEnvironment(
                    f"the environment variable {field.upper()} cannot be {value!r}"
                )
        return variables


def _types(environment: type[Environment]) -> dict[str, Any]:
    # Every class is hashable, but mypy cannot infer this.
    return _read_types(cast("Any", environment))


@cache
def _read_types(environment: type[Environment]) -> dict[str, Any]:
    hints = get_type_hints(environment)
    return {field.name: hints[field.name] for field in fields(environment)}


def _read(name: str, kind: Any, variables: Mapping[str, str]) -> Any:
    text = variables.get(name, "")
    *_, required = [one for one in (kind, *get_args(kind)) if one is not NoneType]
    if not text.strip():
        if required is not kind:
            return None
        raise InvalidEnvironment(f"the environment variable {name} must be set; see cdk_app/")
    try:
        if required is bool:
            return {"true": True, "false": False}[text]
        value = required.from_json(text) if hasattr(required, "from_json") else required(text)
    except (ValueError, KeyError) as error:
        raise InvalidEnvironment(
            f"the environment variable {name} is not of the type {required.__name__}; see cdk_app/"
        ) from error
    if required in (int, float) and not 0 <= value < math.inf:
        raise InvalidEnvironment(
            f"the environment variable {name} is {text}; it must be finite and not negative"
        )
    return value


def _write(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, StrEnum):
        return value.value
    return value.to_json() if hasattr(value, "to_json") else str(value)
