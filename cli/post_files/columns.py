"""Names and aliases of a post's fields in files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches

from stresswatch.contracts.posts import NUMERIC_FEATURES
from stresswatch.task.definition import TASK

LABEL_FIELDS = ("label", "confidence", "labelled_at", "answer")
"""Fields of labels; Prodigy's `answer` tells whether the label was accepted."""
_ID, _TEXT, _SOURCE, _CREATED_AT = TASK.fields
FIELDS = (
    *(_ID, _TEXT, *NUMERIC_FEATURES, _SOURCE, _CREATED_AT, "reasons"),
    *LABEL_FIELDS,
)
LABEL_COLUMN = TASK.label.column
"""The task's name for the label; where a file has it, ``label`` is ignored."""
ALIASES: Mapping[str, str] = {
    "subreddit": _SOURCE,
    "social_timestamp": _CREATED_AT,
    **({LABEL_COLUMN: "label"} if LABEL_COLUMN not in FIELDS else {}),
}
"""Dreaddit's names, and the task's name for the label: aliases for missing fields."""
_KNOWN = dict(ALIASES) | {name: name for name in FIELDS}
_OFTEN_MEANT = {
    **dict.fromkeys(
        ("text", "selftext", "body", "content", "tweet", "message", "post", "comment"), _TEXT
    ),
    **dict.fromkeys(("post_id", "id", "name", "postid", "tweet_id", "id_str", "guid"), _ID),
    **dict.fromkeys(
        ("labels", "target", "class", "y", "annotation", TASK.label.field, TASK.label.noun), "label"
    ),
}
_SHORT_NAME = re.compile(r"[^\W\d]\w{0,39}")
"""Maximum length of a column name: without a header, the "names" are a post's text."""
_LISTED = 12
_strip_invisible = re.compile(
    r"^[\s\ufeff\u200b-\u200f\u2060]+|[\s\ufeff\u200b-\u200f\u2060]+$"
).sub


def fold(name: str) -> str:
    """Return a name without case, surrounding blanks and byte order mark."""
    return _strip_invisible("", name).casefold()


_BY_FOLD: dict[str, str | None] = {}
for _name in _KNOWN:
    # Case distinguishes names that differ only in case.
    _BY_FOLD[fold(_name)] = None if fold(_name) in _BY_FOLD else _name


def known(name: str) -> str | None:
    """Return the field or alias for a column's name; None for any other column."""
    return name if name in _KNOWN else _BY_FOLD.get(fold(name))


def field_of(name: str) -> str:
    """Return the field of a field or alias."""
    return _KNOWN[name]


def ignored(names: Sequence[str]) -> list[str]:
    """Return the columns that labelled posts are read without."""
    meant = [known(name) for name in names]
    other = "label" if LABEL_COLUMN in meant and LABEL_COLUMN != "label" else None
    return [name for name, one in zip(names, meant, strict=True) if one in (None, other)]


def repeated(names: Iterable[str]) -> str | None:
    """Return a duplicate name, except blank names of unnamed columns."""
    seen: set[str] = set()
    for name in names:
        key = known(name) or fold(name)
        if key and key in seen:
            return key
        seen.add(key)
    return None


def missing_columns(names: Sequence[str], required: Sequence[str]) -> str | None:
    """Return the missing columns, and existing columns that may be meant."""
    found = {_KNOWN[name] for name in map(known, names) if name}
    missing = [field for field in required if field not in found]
    if not missing:
        return None
    called = {field: LABEL_COLUMN if field == "label" else field for field in missing}
    said = f"lacks the column{'s' * (len(missing) > 1)} {' and '.join(called.values())}"
    if near := near_misses(names, missing):
        meant = ", ".join(f"{called[field]} is perhaps {name!r}" for field, name in near.items())
        return f"{said}; {meant}: rename it"
    shown = [name for name in names if _SHORT_NAME.fullmatch(name.strip())][:_LISTED]
    if shown and found:
        return f"{said}; it has {', '.join(shown)}"
    return (
        f"{said}; its first row must name the columns, with commas, semicolons, tabs or vertical "
        "lines between them"
    )


def near_misses(names: Iterable[str], missing: Iterable[str]) -> dict[str, str]:
    """Return the columns that may be meant as the missing fields."""
    unknown = {
        re.sub(r"[\W_]+", "_", fold(name)): name.strip() for name in names if not known(name)
    }
    near = {}
    for field in missing:
        meant = [key for key in unknown if _OFTEN_MEANT.get(key) == field]
        called = LABEL_COLUMN if field == "label" else field
        close = get_close_matches(called.casefold(), unknown, n=1, cutoff=0.75)
        if found := [*close, *meant]:
            near[field] = unknown[found[0]]
    return near
