"""The first rows of a file with all their columns, under any names."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from cli.errors import FileRefused
from cli.post_files.contents import Content, Kind, look_into
from cli.post_files.csv_tables import DELIMITERS
from cli.post_files.values import MISSING_WORDS

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
    """

    name: str
    values: Sequence[object]
    rows: int

    @property
    def distinct(self) -> set[str]:
        return {str(value).strip() for value in self.values}

    @property
    def texts(self) -> list[str]:
        return [value for value in self.values if isinstance(value, str)]

    @property
    def numbers(self) -> list[float]:
        """Return the values that are finite numbers or their texts."""
        found = (_number(value) for value in self.values)
        return [number for number in found if number is not None]

    @property
    def is_numeric(self) -> bool:
        return bool(self.values) and len(self.numbers) == len(self.values)


def read_columns(path: Path, most: int = MOST_ROWS) -> list[Column]:
    """Read the columns of a file's first rows, in their order.

    Raises
    ------
    FileRefused
        When the file does not exist, or is not a table in one of the formats.
    """
    content = look_into(path)
    values: dict[str, list[object]] = {}
    count = 0
    try:
        with content.bytes() as (stream, _):
            for row in islice(_rows(content, stream), most):
                count += 1
                for name, value in row.items():
                    column = values.setdefault(name, [])
                    if not _is_missing(value):
                        column.append(value)
    except (pa.ArrowException, csv.Error, UnicodeDecodeError) as error:
        raise FileRefused("damaged", f"{path} cannot be read as {content.kind}: {error}.") from None
    if not count:
        raise FileRefused("no_post", f"{path} has no row.")
    return [Column(name, column, count) for name, column in values.items()]


def _rows(content: Content, stream: IO[bytes]) -> Iterator[dict[str, object]]:
    match content.kind:
        case Kind.PARQUET:
            for batch in pq.ParquetFile(stream).iter_batches(batch_size=1_000):
                yield from batch.to_pylist()
        case Kind.JSON_LINES:
            for line in io.TextIOWrapper(stream, content.encoding):
                if isinstance(found := _decoded(line), dict):
                    yield found
        case Kind.CSV:
            text = io.TextIOWrapper(stream, content.encoding, newline="")
            header, *_ = content.head.splitlines()
            for row in csv.DictReader(text, delimiter=max(DELIMITERS, key=header.count)):
                yield {name.strip(): value for name, value in row.items() if name}


def _decoded(line: str) -> object:
    try:
        return json.loads(line)
    except ValueError:
        return None


def _is_missing(value: object) -> bool:
    if isinstance(value, float):
        return math.isnan(value)
    is_blank = isinstance(value, str) and value.strip().lower() in {"", *MISSING_WORDS}
    return value is None or is_blank


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
