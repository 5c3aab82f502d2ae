"""A row as a format gives it, before anything is made of its values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from cli.post_files.columns import FIELDS, field_of, known
from stresswatch.contracts.posts import InvalidPost


class RawRow(NamedTuple):
    """A row of a file.

    Attributes
    ----------
    place : int
        The line that it begins at, or in Parquet its number, from 1.
    values : mapping of str to object, or InvalidPost
        By field; or why it is no row of values.
    raw : bytes or None
        The row as it is in the file, where it is a line of its own.
    """

    place: int
    values: Mapping[str, object] | InvalidPost
    raw: bytes | None = None


def by_field(names: Mapping[str, object]) -> Mapping[str, object]:
    """Return values by field, from values by column: an alias stands in for a missing field.

    Raises
    ------
    InvalidPost
        When two names, neither of them the field's own, mean the same field.
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
        if values.get(field_of(alias)) in (None, ""):
            values[field_of(alias)] = value
    return values
