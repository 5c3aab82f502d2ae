"""Guess the meaning of columns in labelled data without flags."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean

from cli.errors import OperatorError
from cli.task.sample import Column
from stresswatch.task.reading import RESERVED_NAMES
from stresswatch.text.wording import counted

_NAMES = {
    "text": ("text", "body", "content", "message", "review", "comment", "post", "selftext"),
    "label": ("label", "labels", "target", "class", "y"),
    "id": ("post_id", "id", "uuid", "guid"),
    "source": ("source", "community", "subreddit", "category", "channel", "group"),
    "created_at": ("created_at", "created_utc", "timestamp", "date", "time", "written_at"),
}
"""Common column names for each part of a post."""
_DEFAULTS = {"id": "post_id", "source": "source", "created_at": "created_at"}
_OF_LABELS = frozenset({"confidence", "labelled_at", "reasons"})
_POSITIVE = ("1", "1.0", "true", "yes")
_NEGATED = re.compile(r"(not?|non|un)[\W_]*|in(?=[a-z])")
_ID = re.compile(r"_(id|ID)$|[a-z]I[dD]$")
_FEATURE = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}")


@dataclass
class Guess:
    """The meaning of the columns.

    Attributes
    ----------
    fields : dict of str to str
        Columns of ``id``, ``text``, ``source``, ``created_at`` and ``label``.
    positive, negative : str
        Names of the classes.
    features : sequence of Column
    notes : list of str
        Guesses and omissions, in sentences.
    """

    fields: dict[str, str]
    positive: str
    negative: str
    features: Sequence[Column]
    notes: list[str] = field(default_factory=list)


def guess(columns: Sequence[Column], given: dict[str, str | None], positive: str | None) -> Guess:
    """Guess each part that is not given.

    Parameters
    ----------
    given : dict of str to str or None
        Columns by part, as flags name them.
    positive : str or None
        The label value of the positive class.

    Raises
    ------
    OperatorError
        When a given column does not exist, or a required part cannot be guessed.
    """
    by_name = {column.name: column for column in columns}
    for part, name in given.items():
        if name is not None and name not in by_name:
            flag = part.replace("_", "-")
            raise OperatorError(f"--{flag} {name}: there is no such column; {_listed(columns)}")
    fields = {part: name for part, name in given.items() if name is not None}
    notes = []
    for part in _NAMES:
        if part in fields:
            continue
        free = [column for column in columns if column.name not in fields.values()]
        found = _by_name(part, free) or _by_values(part, free)
        if found:
            fields[part] = found.name
            notes.append(f"{part} is the column {found.name}.")
        elif part in _DEFAULTS:
            fields[part] = _DEFAULTS[part]
            notes.append(f"No column is the {part}; posts may have it as {fields[part]}.")
        else:
            raise OperatorError(f"Which column is the {part}? Give --{part}; {_listed(columns)}")
    classes = _classes(by_name[fields["label"]], positive)
    features = []
    for column in columns:
        if column.name in fields.values() or column.name in _OF_LABELS:
            continue
        if not column.is_numeric or len(column.distinct) < 2:
            notes.append(f"{column.name} is left out: it is not a number, or is constant.")
        elif not _FEATURE.fullmatch(column.name) or column.name.lower() in RESERVED_NAMES:
            notes.append(f"{column.name} is left out: a feature cannot have that name; rename it.")
        else:
            features.append(column)
    return Guess(fields, *classes, features, notes)


def _listed(columns: Sequence[Column]) -> str:
    return f"the columns are {', '.join(column.name for column in columns)}."


def _by_name(part: str, columns: Sequence[Column]) -> Column | None:
    folded = {column.name.strip().casefold(): column for column in columns}
    return next((folded[name] for name in _NAMES[part] if name in folded), None)


def _by_values(part: str, columns: Sequence[Column]) -> Column | None:
    """Find the column with the longest texts, with two values, or with ids."""
    if part == "text":
        longest = max(columns, key=_length, default=None)
        return longest if longest and _length(longest) > 20 else None
    if part == "label":
        return _only([column for column in columns if len(column.distinct) == 2])
    if part == "id":
        named = [column for column in columns if _ID.search(column.name)]
        return _only([column for column in named if len(column.distinct) == column.rows])
    return None


def _only(columns: Sequence[Column]) -> Column | None:
    return columns[0] if len(columns) == 1 else None


def _length(column: Column) -> float:
    return fmean(map(len, column.texts)) if column.texts and not column.is_numeric else 0.0


def _classes(label: Column, positive: str | None) -> tuple[str, str]:
    """Return the names of the positive and the negative class."""
    values = sorted(label.distinct)
    if len(values) != 2:
        raise OperatorError(
            f"The column {label.name} has {counted(len(values), 'value')}; a label has two. "
            "Name the column with --label."
        )
    if positive is not None and positive not in values:
        raise OperatorError(
            f"--positive {positive}: the values of {label.name} are {' and '.join(values)}."
        )
    if positive is None:
        likely = [value for value in values if value.lower() in _POSITIVE]
        # Negations such as "not helpful" and "unhelpful" contain the positive word.
        likely += [
            one
            for one, other in (values, values[::-1])
            if _NEGATED.sub("", other.lower(), count=1) == one.lower() != other.lower()
        ]
        if len(likely) != 1:
            raise OperatorError(
                f"Which value of {label.name} is the positive class? Give --positive "
                f"{values[0]!r} or {values[1]!r}."
            )
        (positive,) = likely
    (negative,) = (value for value in values if value != positive)
    return positive, negative
