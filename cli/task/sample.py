"""The first rows of a file with all their columns, under any names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO

from cli.errors import FileRefused
from cli.post_files import PostFile, Wanted, json_lines
from cli.post_files.causes import likely_cause
from cli.post_files.contents import Kind
from cli.post_files.csv_tables import CsvTable
from cli.post_files.parquet_tables import ParquetTable
from cli.post_files.values import Notation, is_missing, label_word, number_of, with_point
from stresswatch.contracts.posts import InvalidPost

MOST_ROWS = 10_000


@dataclass(frozen=True)
class Column:
    """A column of a sample.

    Attributes
    ----------
    values : sequence of object
        Values that are not missing.
    rows : int
        Number of rows in the sample.
    notation : Notation or None
        Of a CSV; None in other formats.
    """

    name: str
    values: Sequence[object]
    rows: int
    notation: Notation | None = None

    @property
    def distinct(self) -> set[str]:
        return {str(value).strip() for value in self.values}

    @property
    def labels(self) -> dict[str, str]:
        """Return the first spelling of each label value by its folded word."""
        spelled: dict[str, str] = {}
        for value in map(self._label, self.values):
            word = label_word(value)
            spelled.setdefault(word, value.strip() if isinstance(value, str) else word)
        return spelled

    @property
    def texts(self) -> list[str]:
        return [value for value in self.values if isinstance(value, str)]

    @property
    def numbers(self) -> list[float]:
        """Return the values that are numbers."""
        return [number for number in map(self._number, self.values) if number is not None]

    @property
    def is_numeric(self) -> bool:
        return bool(self.values) and len(self.numbers) == len(self.values)

    def _label(self, value: object) -> object:
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if self.notation and self.notation.allows_decimal_commas and isinstance(value, str):
            return with_point("label", value)
        return value

    def _number(self, value: object) -> float | None:
        try:
            return number_of(self.name, value, self.notation)
        except InvalidPost:
            return None


def read_columns(path: Path, most: int = MOST_ROWS) -> list[Column]:
    """Read the columns of a file's first rows, in their order.

    Raises
    ------
    FileRefused
        When the file is missing, damaged or empty.
    """
    file = PostFile(path, Wanted.BASE_DATA)
    values: dict[str, list[object]] = {}
    count = 0
    with ExitStack() as files:
        notation, rows = _rows(file, files)
        for row in islice(rows, most):
            count += 1
            for name, value in row.items():
                column = values.setdefault(name.strip(), [])
                if not is_missing("label", value):
                    column.append(_plain(value))
    if not count:
        raise FileRefused("no_post", f"{path} has no row.")
    return [Column(name, column, count, notation) for name, column in values.items() if name]


def _rows(
    file: PostFile, files: ExitStack
) -> tuple[Notation | None, Iterator[Mapping[str, object]]]:
    """Return the notation of a CSV, and the rows with all columns."""
    stream, _ = files.enter_context(file.content.bytes())
    match file.content.kind:
        case Kind.PARQUET:
            parquet = ParquetTable(file.content, stream, files)
            return None, parquet.records(parquet.names)
        case Kind.CSV:
            table = CsvTable(file.content, stream)
            return table.notation, (record for _, record in table.records())
        case Kind.JSON_LINES:
            return None, _objects(file, stream)


def _objects(file: PostFile, stream: IO[bytes]) -> Iterator[dict[str, object]]:
    """Yield the objects; reject a file in another encoding, or without any."""
    first: InvalidPost | None = None
    is_empty = True
    for place, found, _ in json_lines.records(file.content, stream):
        if not isinstance(found, InvalidPost):
            is_empty = False
            yield found
            continue
        first = first or found
        if found.reason == "not_utf8":
            raise _refused(file, place, found)
    if first and is_empty:
        raise _refused(file, 1, first)


def _refused(file: PostFile, place: int, error: InvalidPost) -> FileRefused:
    cause = likely_cause(file, error.reason, [(f"line {place}", error.detail)])
    return FileRefused(error.reason, f"{file.path}: {cause}")


def _plain(value: object) -> object:
    """Return texts of Parquet, which come as bytes, as strings."""
    try:
        return value.decode() if isinstance(value, bytes) else value
    except UnicodeDecodeError:
        return value
