r"""Translate the patterns in AWS's service models for Python.

Service models have Java's regular expressions, and a service matches the whole value.
Two things differ from Python: ``\d``, ``\w``, ``\s`` and POSIX classes such as ``\p{Alnum}`` are
ASCII in Java, and a character beyond the basic plane is written as two surrogates.

References
----------
https://docs.oracle.com/en/java/javase/21/docs/api/java.base/java/util/regex/Pattern.html
https://smithy.io/2.0/spec/constraint-traits.html#pattern-trait
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

import regex

NOT_ENFORCED: Mapping[str, str] = {}
"""Patterns that are not checked, each with the reason."""

_CLASSES: Mapping[str, str] = {
    r"\d": "0-9",
    r"\w": "a-zA-Z0-9_",
    r"\s": r" \t\n\x0B\f\r",
    r"\p{Alnum}": "a-zA-Z0-9",
    r"\p{Alpha}": "a-zA-Z",
    r"\p{ASCII}": r"\x00-\x7F",
    r"\p{Blank}": r" \t",
    r"\p{Cntrl}": r"\x00-\x1F\x7F",
    r"\p{Digit}": "0-9",
    r"\p{Graph}": "!-~",
    r"\p{Lower}": "a-z",
    r"\p{Print}": r"\x20-\x7E",
    r"\p{Punct}": r"!-/:-@\[-`{-~",
    r"\p{Space}": r" \t\n\x0B\f\r",
    r"\p{Upper}": "A-Z",
    r"\p{XDigit}": "0-9a-fA-F",
}
_NEGATED = {r"\D": r"\d", r"\W": r"\w", r"\S": r"\s"}
_LINE_END = r"\n\r\x85\u2028\u2029"
_HIGH, _LOW = range(0xD800, 0xDC00), range(0xDC00, 0xE000)
_PART = regex.compile(
    r"""\\u(?P<code>[0-9A-Fa-f]{4}) | \\[pP]\{[^}]*\} | \\. | .""", regex.VERBOSE | regex.DOTALL
)


class UnknownPattern(ValueError):
    """A pattern that cannot be read."""


def matches(pattern: str, value: str) -> bool:
    """Return whether a service would accept the value.

    Raises
    ------
    UnknownPattern
        When the pattern cannot be read.
    """
    return pattern in NOT_ENFORCED or bool(compiled(pattern).fullmatch(value))


@functools.cache
def compiled(pattern: str) -> regex.Pattern[str]:
    """Return the pattern, compiled."""
    try:
        return regex.compile(_translate(pattern))
    except regex.error as error:
        raise UnknownPattern(f"the pattern {pattern!r} cannot be read: {error}") from error


def _translate(pattern: str) -> str:
    parts = [found[0] for found in _PART.finditer(_join_surrogates(pattern))]
    written: list[str] = []
    begun: int | None = None  # where a part is within an open set
    for place, part in enumerate(parts):
        if begun is None:
            written.append(_outside(part))
            begun = place if part == "[" else None
        elif part == "]" and parts[begun + 1 : place] not in ([], ["^"]):
            written.append(part)
            begun = None
        else:
            written.append(_inside(part, parts[place - 1]))
    return "".join(written)


def _outside(part: str) -> str:
    if part in _CLASSES:
        return f"[{_CLASSES[part]}]"
    if part in _NEGATED:
        return f"[^{_CLASSES[_NEGATED[part]]}]"
    return f"[^{_LINE_END}]" if part == "." else part


def _inside(part: str, before: str) -> str:
    """Write a part of a set; a hyphen after a class is literal, and so is a bracket in the set."""
    if part == "[" or (part == "-" and before in _CLASSES):
        return f"\\{part}"
    return _CLASSES.get(part, part)


def _join_surrogates(pattern: str) -> str:
    r"""Write ``\uD800\uDC00`` as one character, as Java reads it."""

    def joined(found: regex.Match[str]) -> str:
        high, low = int(found[1], 16), int(found[2], 16)
        if high not in _HIGH or low not in _LOW:
            return str(found[0])
        return f"\\U{0x10000 + ((high - _HIGH.start) << 10) + (low - _LOW.start):08X}"

    return str(regex.sub(r"\\u([0-9A-Fa-f]{4})\\u([0-9A-Fa-f]{4})", joined, pattern))
