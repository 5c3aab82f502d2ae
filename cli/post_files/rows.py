"""A row from any format, before its values are interpreted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from cli.post_files.columns import FIELDS, LABEL_COLUMN, field_of, known
from stresswatch.contracts.posts import InvalidPost


class RawRow(NamedTuple):
    """A row of a file.

    Attributes
    ----------
    place : int
        First line of the row, or its number in Parquet, from 1.
    values : mapping of str to object, or InvalidPost
        Values by field, or the reason why the row is invalid.
    raw : bytes or None
        The original bytes, where the row is a line.
    """

    place: int
    values: Mapping[str, object] | InvalidPost
    raw: bytes | None = None


def by_field(names: Mapping[str, object]) -> Mapping[str, object]:
    """Return values by field from values by column; aliases replace missing fields.

    The task's own label column replaces ``label`` in any case.

    Raises
    ------
    InvalidPost
        When two aliases stand for the same field.
    """
    values: dict[str, object] = {}
    aliased: dict[str, object] = {}
    for name, value in names.items():
        meant = known(name)
        if meant is None:
            continue
        kept = values if meant in FIELDS else aliased
        if meant not in kept or name == meant:
            kept[meant] = value
        elif meant not in names:
            raise InvalidPost("column_repeated", f"{meant} is there twice")
    for alias, value in aliased.items():
        if alias == LABEL_COLUMN or values.get(field_of(alias)) in (None, ""):
            values[field_of(alias)] = value
    return values
