"""Errors about values of options and arguments, in a sentence with the accepted values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import typer
from pydantic import ValidationError
from typer.core import TyperCommand, TyperGroup

_NUMBERS = {"int_parsing", "float_parsing", "less_than_equal", "greater_than_equal"}


class Command(TyperCommand):
    """A command that rejects values in a sentence."""

    def make_context(self, *given: Any, **options: Any) -> Any:
        with _in_a_sentence():
            return super().make_context(*given, **options)


class Group(TyperGroup):
    """A group of commands that rejects values of its own options in a sentence."""

    def make_context(self, *given: Any, **options: Any) -> Any:
        with _in_a_sentence():
            return super().make_context(*given, **options)


@contextmanager
def _in_a_sentence() -> Iterator[None]:
    """Replace the words of pydantic, by which Typer checks values."""
    try:
        yield
    except typer.BadParameter as error:
        if isinstance(error.__cause__, ValidationError):
            fault: Mapping[str, Any] = error.__cause__.errors()[0]
            if fault["type"] == "value_error":
                error.message = str(fault["ctx"]["error"])
            elif fault["type"] in _NUMBERS:
                error.message = f"{fault['input']!r} is not {_number(error.param, fault)}."
        raise


def _number(parameter: Any, fault: Mapping[str, Any]) -> str:
    """Return the numbers that an option accepts."""
    is_real = fault["type"] == "float_parsing" or any(
        isinstance(limit, float) for limit in fault.get("ctx", {}).values()
    )
    kind = "a number" if is_real else "a whole number"
    low, high = parameter.min, parameter.max
    if low is None:
        return kind if high is None else f"{kind} of at most {high}"
    return f"{kind} of at least {low}" if high is None else f"{kind} from {low} to {high}"
