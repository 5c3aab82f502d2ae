"""JSON with each value's position in its text: values are cut out, the rest stays unchanged."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from json import decoder
from typing import Any

_skip_blanks = re.compile(r"[ \t\n\r]*").match
_read_string: Callable[[str, int, bool], tuple[str, int]] = decoder.scanstring  # type: ignore[attr-defined]
_decode_scalar = decoder.JSONDecoder().raw_decode


@dataclass(frozen=True)
class Node:
    """A value from `start` to before `end` of a text.

    Attributes
    ----------
    value : object
        The value of a string, number, boolean or null; the type of an object or an array.
    members : list of Member
        The members of an object or an array.
    """

    start: int
    end: int
    value: Any
    members: Sequence[Member] = ()


@dataclass(frozen=True)
class Member:
    """A member of an object, with its key, or of an array; `start` is where the key begins."""

    start: int
    key: str | None
    node: Node


def parse(text: str, start: int = 0) -> Node:
    """Read the value that begins at a position, after blanks.

    Raises
    ------
    ValueError, IndexError, RecursionError
        When there is no value, or it is nested too deep.
    """
    start = _after_blanks(text, start)
    match text[start]:
        case "{":
            return _container(text, start, "}", dict, _member_of_object)
        case "[":
            return _container(text, start, "]", list, _member_of_array)
        case '"':
            value, end = _read_string(text, start + 1, False)
            return Node(start, end, value)
    value, end = _decode_scalar(text, start)
    return Node(start, end, value)


def cut(text: str, node: Node, kept: Sequence[tuple[Member, str]]) -> str:
    """Write an object or an array with some of its members, given the text of their values.

    The text between remaining members stays, and so do their keys.
    """
    if not kept:
        return text[node.start] + text[node.end - 1]
    places = {id(member): place for place, member in enumerate(node.members)}
    parts = [text[node.start : node.members[0].start]]
    for number, (member, value) in enumerate(kept):
        if number:
            before = node.members[places[id(member)] - 1]
            parts.append(text[before.node.end : member.start])
        parts += [text[member.start : member.node.start], value]
    parts.append(text[node.members[-1].node.end : node.end])
    return "".join(parts)


def _container(
    text: str, start: int, close: str, kind: type, read: Callable[[str, int], Member]
) -> Node:
    members: list[Member] = []
    place = _after_blanks(text, start + 1)
    if text[place] == close:
        return Node(start, place + 1, kind)
    while True:
        members.append(read(text, place))
        place = _after_blanks(text, members[-1].node.end)
        if text[place] == close:
            return Node(start, place + 1, kind, members)
        if text[place] != ",":
            raise ValueError(f"no comma at {place}")
        place = _after_blanks(text, place + 1)


def _member_of_array(text: str, place: int) -> Member:
    return Member(place, None, parse(text, place))


def _member_of_object(text: str, place: int) -> Member:
    if text[place] != '"':
        raise ValueError(f"no key at {place}")
    key, end = _read_string(text, place + 1, False)
    end = _after_blanks(text, end)
    if text[end] != ":":
        raise ValueError(f"no colon at {end}")
    return Member(place, key, parse(text, end + 1))


def _after_blanks(text: str, place: int) -> int:
    found = _skip_blanks(text, place)
    return found.end() if found else place
