"""Guess the meaning of columns in labelled data without flags."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from statistics import fmean

from cli.errors import OperatorError
from cli.task.classes import POSITIVE_WORDS
from cli.task.sample import Column
from stresswatch.task.label_words import folded
from stresswatch.task.reading import MAXIMUM_FEATURES, TAKEN_IN_RECORDS, is_of_records, is_reserved
from stresswatch.task.table import NAME
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
_DEFAULT_MEANINGS = {
    "id": "the post's id",
    "source": "the post's community",
    "created_at": "the time of the post",
}
_OF_LABELS = frozenset({"confidence", "labelled_at", "reasons"})
_NEGATED = re.compile(r"(not?|non|un)[\W_]*|in(?=[a-z])")
_VALID = "letters from A to Z, digits and underscores, a letter first, at most 63"
_ID = re.compile(r"_(id|ID)$|[a-z]I[dD]$")


@dataclass
class Guess:
    """The meaning of the columns.

    Attributes
    ----------
    fields : dict of str to str
        Columns of ``id``, ``text``, ``source``, ``created_at`` and ``label``.
    positive, negative : str
        Label values of the classes.
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
            fields[part] = _default(part, fields.values())
            notes.append(
                f"No column has {_DEFAULT_MEANINGS[part]}; posts may have it in {fields[part]}."
            )
        else:
            raise OperatorError(f"Which column is the {part}? Give --{part}; {_listed(columns)}")
    _require_names(fields)
    classes = _classes(by_name[fields["label"]], positive)
    features, left_out = _features(columns, {*fields.values()})
    return Guess(fields, *classes, features, notes + left_out)


def _default(part: str, taken: Iterable[str]) -> str:
    name = _DEFAULTS[part]
    return f"post_{name}" if name in map(str.lower, taken) else name


def _require_names(fields: Mapping[str, str]) -> None:
    """Reject columns whose names no task can have."""
    for part, name in fields.items():
        others = {other.lower() for one, other in fields.items() if one != part}
        if name.lower() in TAKEN_IN_RECORDS - {"label"} if part == "label" else is_of_records(name):
            why = "the name has another meaning in files; rename the column in the file"
        elif part == "label" and name.lower() in others:
            why = "another column has this name in another case; rename one of them in the file"
        elif part != "label" and not NAME.fullmatch(name):
            why = f"rename the column in the file: {_VALID}"
        else:
            continue
        raise OperatorError(f"The column {name} cannot be the {part}: {why}.")


def _features(columns: Sequence[Column], fields: Set[str]) -> tuple[list[Column], list[str]]:
    """Return the numeric features, and a note for each other column."""
    features: list[Column] = []
    taken = {name.lower() for name in fields}
    notes = []
    for column in columns:
        name = column.name.lower()
        if column.name in _OF_LABELS or column.name in fields:
            continue
        if not column.is_numeric or len({*column.numbers}) < 2:
            why = "it is not a number, or is constant"
        elif not NAME.fullmatch(column.name):
            why = f"rename it in the file to make it a feature: {_VALID}"
        elif is_reserved(name) or name in taken | {one.name.lower() for one in features}:
            why = "its name has another meaning; rename it in the file to make it a feature"
        elif len(features) == MAXIMUM_FEATURES:
            why = f"a task has at most {MAXIMUM_FEATURES} features"
        else:
            features.append(column)
            continue
        notes.append(f"{column.name} is left out: {why}.")
    return features, notes


def _listed(columns: Sequence[Column]) -> str:
    return f"the columns are {', '.join(column.name for column in columns)}."


def _by_name(part: str, columns: Sequence[Column]) -> Column | None:
    named = {column.name.casefold(): column for column in columns}
    named |= {column.name: column for column in columns}
    return next((named[name] for name in _NAMES[part] if name in named), None)


def _by_values(part: str, columns: Sequence[Column]) -> Column | None:
    """Find the column with the longest texts, with two values, or with ids."""
    if part == "text":
        longest = max(columns, key=_length, default=None)
        return longest if longest and _length(longest) > 20 else None
    if part == "label":
        return _only([column for column in columns if len(column.labels) == 2])
    if part == "id":
        named = [
            column for column in columns if _ID.search(column.name) and NAME.fullmatch(column.name)
        ]
        return _only([column for column in named if len(column.distinct) == column.rows])
    return None


def _only(columns: Sequence[Column]) -> Column | None:
    return columns[0] if len(columns) == 1 else None


def _length(column: Column) -> float:
    return fmean(map(len, column.texts)) if column.texts and not column.is_numeric else 0.0


def _classes(label: Column, positive: str | None) -> tuple[str, str]:
    """Return the values of the positive and the negative class."""
    spelled = label.labels
    values = [spelled[word] for word in sorted(spelled)]
    if len(values) != 2:
        raise OperatorError(
            f"The column {label.name} has {counted(len(values), 'value')}; a label has two. "
            "Name the column with --label."
        )
    if positive is not None and folded(positive) not in spelled:
        raise OperatorError(
            f"--positive {positive}: the values of {label.name} are {' and '.join(values)}."
        )
    if positive is None:
        likely = [value for word, value in spelled.items() if word in POSITIVE_WORDS]
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
    positive = spelled.pop(folded(positive))
    (negative,) = spelled.values()
    return positive, negative
