"""A table of a task definition, whose values are read once, each with its check."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from stresswatch.errors import InvalidInput

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}")


class InvalidTask(InvalidInput):
    """A task definition is invalid; the message says what is wrong, where, and what to do."""


class Table:
    """A table of the file.

    Raises
    ------
    InvalidTask
        When it has another key than the known ones.
    """

    def __init__(self, values: Mapping[str, Any], place: str, known: Sequence[str]):
        self._values = values
        self._place = place
        for key in values:
            if key not in known:
                raise self._unknown(key, [one for one in known if one not in values])

    def __str__(self) -> str:
        return self._place

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def take(self, key: str, kind: type | tuple[type, ...], said: str) -> Any:
        if key not in self:
            raise InvalidTask(f"{self._at(key)} is missing; it must be {said}")
        value = self._values[key]
        if not isinstance(value, kind) or isinstance(value, bool):
            raise InvalidTask(f"{self._at(key)} must be {said}, not {value!r}")
        return value

    def table(self, key: str, known: Sequence[str]) -> Table:
        value = self._values.get(key)
        if not isinstance(value, dict):
            raise InvalidTask(f"the table [{key}] is missing")
        return Table(value, f"[{key}]", known)

    def text(self, key: str) -> str:
        value: str = self.take(key, str, "a text").strip()
        if not value:
            raise self.refused(key, "it must not be blank")
        return value

    def matching(self, key: str, pattern: re.Pattern[str], said: str) -> str:
        value = self.text(key)
        if not pattern.fullmatch(value):
            raise self.refused(key, f"it is {value!r}; it must be {said}")
        return value

    def name(self, key: str) -> str:
        return self.matching(
            key, NAME, "a letter, then letters, digits and underscores, at most 63 in all"
        )

    def texts(self, key: str) -> tuple[str, ...]:
        values = self.take(key, list, "a list of texts")
        if not all(isinstance(value, str) and value.strip() for value in values):
            raise self.refused(key, "each of its entries must be a text that is not blank")
        return tuple(values)

    def number(self, key: str, least: float, most: float = math.inf) -> float:
        """Read a number strictly between two limits."""
        value = self.finite(key)
        if not least < value < most:
            below = f" and below {most:g}" if most < math.inf else ""
            raise self.refused(key, f"it is {value:g}; it must be above {least:g}{below}")
        return value

    def optional_number(self, key: str) -> float | None:
        if key not in self:
            return None
        return self.finite(key)

    def finite(self, key: str) -> float:
        written = self.take(key, (int, float), "a number")
        try:
            value = float(written)
        except OverflowError:
            value = math.inf
        if not math.isfinite(value):
            raise self.refused(key, f"it is {value:g}; it must be finite")
        return value

    def whole(self, key: str, least: int) -> int:
        value: int = self.take(key, int, "a whole number")
        if value < least:
            raise self.refused(key, f"it is {value}; it must be at least {least}")
        return value

    def refused(self, key: str, why: str) -> InvalidTask:
        return InvalidTask(f"{self._at(key)}: {why}")

    def _unknown(self, key: str, absent: Sequence[str]) -> InvalidTask:
        from difflib import get_close_matches  # only for errors, as every cold start imports this

        near = get_close_matches(key, absent, n=1)
        where = f" in {self._place.rstrip(':')}" if self._place else ""
        meant = f"; perhaps {near[0]} is meant" if near else ""
        return InvalidTask(f"{key}{where} is not known{meant}; remove it, or correct its name")

    def _at(self, key: str) -> str:
        return f"{self._place} {key}".strip()
