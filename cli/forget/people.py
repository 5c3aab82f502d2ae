"""The owners of records in a JSON value at any depth, and the value without a person's records.

A record is an object that names an id. Its id is the value of ``post_id`` in any spelling
(``Post_ID``, ``postId``, with blanks around it). Without one, an object with a text has its ``id``
or ``name`` as id, as Reddit's do. Ids are those of files of posts: 7, "7.0" and " 7 " are the same.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple
from unicodedata import normalize

from cli.forget.json_text import Node, cut, parse
from cli.post_files.values import name_of
from stresswatch.task.definition import TASK

Ids = frozenset[str]

_TEXTS = frozenset(
    [
        "body",
        "caption",
        "comment",
        "content",
        "fulltext",
        "message",
        "posttext",
        "selftext",
        "text",
        "title",
        TASK.fields.text.replace("_", "").casefold(),
    ]
)
_BLANKS = " \t\r\n\ufeff"
_BEFORE_JSON = frozenset([*_BLANKS, "{", "[", '"'])
_OTHER_NAMES = frozenset(["id", "name"])
_TASKS_ID = TASK.fields.id.replace("_", "").casefold()
_ID_FIELD = frozenset(["postid", _TASKS_ID])
"""Id fields of archive rows and messages, and of records."""
_ID_LISTS = frozenset([*_ID_FIELD, *(f"{name}s" for name in _ID_FIELD)])
_LONGEST_HEADING = 32


@dataclass(frozen=True)
class Survey:
    """The records in a JSON value.

    Attributes
    ----------
    names : frozenset of str
        The ids of all records in it.
    anonymous : int
        Objects with a text and no id near it, or with lists of ids.
    """

    names: frozenset[str] = frozenset()
    anonymous: int = 0


def survey(value: object) -> Survey:
    """Find records in a JSON value, and in JSON within its strings."""
    if isinstance(value, dict) and not any(map(_may_hold_more, value.values())):
        # The usual case: archives have millions of them.
        return _of_plain(value)
    names: set[str] = set()
    anonymous = 0
    found = [(value, False, False)]
    while found:
        one, is_in_record, by_post_id = found.pop()
        if isinstance(one, str):
            if (within := json_within(one)) is not None:
                found.append((within, is_in_record, by_post_id))
            continue
        if isinstance(one, list):
            anonymous += any(map(_is_heading, one))
            found += [(member, is_in_record, by_post_id) for member in one]
            continue
        if not isinstance(one, dict):
            continue
        owner = owner_of(one.items(), by_post_id=by_post_id)
        names |= owner.ids
        # Lists of ids, as in tables by column, belong to no single record.
        has_ids = any(
            isinstance(one[key], dict | list) for key in _fields_of(tuple(one), _ID_LISTS)
        )
        anonymous += has_ids or (owner.has_text and not owner.ids and not is_in_record)
        found += [
            (
                member,
                is_in_record or bool(owner.ids) or owner.has_text,
                by_post_id or owner.by_post_id,
            )
            for key, member in one.items()
            if isinstance(member, dict | list | str) and not (owner.ids and key_name(key) in _TEXTS)
        ]
    return Survey(frozenset(names), anonymous)


def _may_hold_more(value: object) -> bool:
    kind = value.__class__
    return kind is dict or kind is list or (kind is str and value[:1] in _BEFORE_JSON)  # type: ignore[index]


def _of_plain(record: dict[str, object]) -> Survey:
    fields = _fields_of(tuple(record), _ID_FIELD)
    if len(fields) == 1 and (post_id := id_of(record[fields[0]])) is not None:
        return Survey(frozenset([post_id]))
    owner = owner_of(record.items(), by_post_id=False)
    return Survey(owner.ids, int(owner.has_text and not owner.ids))


@lru_cache(maxsize=4096)
def _fields_of(keys: tuple[str, ...], names: frozenset[str]) -> tuple[str, ...]:
    """Return those of an object's keys that spell one of the names."""
    return tuple(key for key in keys if key_name(key) in names)


def _is_heading(member: object) -> bool:
    """Return whether a member of an array spells ``post_id``: a row of a table's column names."""
    is_short = isinstance(member, str) and len(member) <= _LONGEST_HEADING
    return is_short and key_name(str(member)) in _ID_FIELD


class Owner(NamedTuple):
    """The owner of an object.

    Attributes
    ----------
    by_post_id : bool
        Whether it names ``post_id`` in any spelling.
    """

    ids: frozenset[str]
    by_post_id: bool
    has_text: bool


def owner_of(members: Iterable[tuple[str, object]], *, by_post_id: bool) -> Owner:
    """Return an object's owner; one within a record `by_post_id` must name a ``post_id`` too."""
    own, others, has_text = set(), set(), False
    for key, value in members:
        name = key_name(key)
        if name in _ID_FIELD:
            own.add(id_of(value))
        elif name in _OTHER_NAMES:
            others.add(id_of(value))
        elif name in _TEXTS:
            has_text = True
    own.discard(None)
    others.discard(None)
    ids = own or (others if has_text and not by_post_id else set())
    return Owner(frozenset(one for one in ids if one is not None), bool(own), has_text)


def id_of(value: object) -> str | None:
    """Return an id as in files of posts, without blanks around it; None for invalid ids."""
    name = name_of(value.strip() if isinstance(value, str) else value)
    return name or None if isinstance(name, str) else None


@lru_cache(maxsize=4096)
def key_name(key: str) -> str:
    """Return a field's name without case, blanks and signs, in compatibility form."""
    return re.sub(r"[\W_]+", "", normalize("NFKC", key)).casefold()


def json_within(text: str) -> object | None:
    """Read a string that holds an object or an array as JSON, also when it was encoded twice."""
    stripped = text.strip(_BLANKS)
    if stripped[:1] not in ("{", "[", '"'):
        return None
    try:
        value = json.loads(stripped)
    except (ValueError, RecursionError):
        return None
    return json_within(value) if isinstance(value, str) else value


@dataclass
class Pruned:
    """A value without a person's records.

    Attributes
    ----------
    text : str or None
        The remaining text; None where it has no content of others.
    has_others : bool
        Whether it still has records of others or of unknown owners.
    """

    text: str | None
    has_others: bool = False
    removed: Counter[str] = field(default_factory=Counter)


def prune(text: str, ids: Ids) -> Pruned:
    """Remove a person's records from a JSON text; the rest stays unchanged.

    A record is removed with its content, except records of others in it. A wrapper without other
    content, such as ``{"data": {...}}``, is removed too.
    """
    return _pruned(text, parse(text), ids, by_post_id=False)


def _pruned(text: str, node: Node, ids: Ids, *, by_post_id: bool) -> Pruned:
    if node.value is dict:
        return _pruned_object(text, node, ids, by_post_id=by_post_id)
    if node.value is list:
        return _pruned_array(text, node, ids, by_post_id=by_post_id)
    written = text[node.start : node.end]
    if not isinstance(node.value, str) or json_within(node.value) is None:
        return Pruned(written)
    stripped = node.value.strip(_BLANKS)
    within = _pruned(stripped, parse(stripped), ids, by_post_id=by_post_id)
    if not within.removed:
        within.text = written
    elif within.text is not None:
        within.text = json.dumps(within.text, ensure_ascii=written.isascii())
    return within


def _pruned_object(text: str, node: Node, ids: Ids, *, by_post_id: bool) -> Pruned:
    owner = owner_of(
        ((member.key or "", member.node.value) for member in node.members), by_post_id=by_post_id
    )
    theirs = sorted(owner.ids & ids)
    pruned = [
        Pruned(text[member.node.start : member.node.end])
        # Texts of other people are not searched.
        if owner.ids and not theirs and key_name(member.key or "") in _TEXTS
        else _pruned(
            text,
            member.node,
            ids,
            by_post_id=by_post_id or owner.by_post_id or bool(theirs),
        )
        for member in node.members
    ]
    removed: Counter[str] = sum((one.removed for one in pruned), Counter())
    has_others = any(one.has_others for one in pruned)
    if theirs:
        removed = Counter([theirs[0]])
    if not removed:
        is_record = bool(owner.ids) or (owner.has_text and not by_post_id)
        return Pruned(text[node.start : node.end], has_others or is_record)
    if not has_others and (theirs or not owner.ids):
        return Pruned(None, removed=removed)
    kept = [
        (member, one.text)
        for member, one in zip(node.members, pruned, strict=True)
        if one.text is not None and (one.has_others or not theirs)
    ]
    return Pruned(cut(text, node, kept), True, removed)


def _pruned_array(text: str, node: Node, ids: Ids, *, by_post_id: bool) -> Pruned:
    pruned = [_pruned(text, member.node, ids, by_post_id=by_post_id) for member in node.members]
    removed: Counter[str] = sum((one.removed for one in pruned), Counter())
    has_others = any(one.has_others for one in pruned)
    if not removed:
        return Pruned(text[node.start : node.end], has_others)
    kept = [
        (member, one.text)
        for member, one in zip(node.members, pruned, strict=True)
        if one.text is not None
    ]
    if not kept:
        return Pruned(None, removed=removed)
    return Pruned(cut(text, node, kept), has_others, removed)


def documents(text: str) -> Iterator[tuple[int, int]]:
    """Return the start and end of each of several consecutive JSON values.

    Raises
    ------
    ValueError, IndexError, RecursionError
        When there is other text between or after them.
    """
    place, end = 0, len(text.rstrip(" \t\r\n"))
    while place < end:
        node = parse(text, place)
        yield node.start, node.end
        place = node.end
