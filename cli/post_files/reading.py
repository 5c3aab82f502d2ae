"""Read a file as posts or labelled posts: each row is one, or has a reason why not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import IO, NamedTuple

from cli.errors import FileRefused
from cli.post_files import json_lines
from cli.post_files.columns import LABEL_COLUMN, LABEL_FIELDS, missing_columns, near_misses
from cli.post_files.contents import Content, Kind, look_into
from cli.post_files.csv_tables import CsvTable
from cli.post_files.parquet_tables import ParquetTable
from cli.post_files.rows import RawRow
from cli.post_files.values import Notation, is_rounded_id, record_of
from stresswatch.contracts.labelled_posts import LabelledPost, labelled_post_record, parse_record
from stresswatch.contracts.posts import InvalidPost, Post, post_record, read_post
from stresswatch.storage.training_sets import check_given
from stresswatch.task.definition import TASK


class Wanted(Enum):
    """The purpose of reading a file, with the required columns."""

    POSTS = (TASK.fields.text,)
    BASE_DATA = (TASK.fields.text, "label")
    LABELS = (TASK.fields.id, TASK.fields.text, "label")

    @property
    def is_labelled(self) -> bool:
        return "label" in self.value


class Row(NamedTuple):
    """A row of a file, and its content.

    Attributes
    ----------
    number : int
        Number among the rows that are not blank, from 1: the id of a post without one.
    place : str
        Position for people: ``line 3``, or ``row 3`` in Parquet.
    found : Post, LabelledPost or InvalidPost
        A post, or the reason why it is invalid.
    raw : RawRow
        The original row.
    has_rounded_id : bool
        Whether Excel has rounded its id.
    is_numbered : bool
        Whether its number serves as the id of its post.
    """

    number: int
    place: str
    found: Post | LabelledPost | InvalidPost
    raw: RawRow
    has_rounded_id: bool = False
    is_numbered: bool = False

    @property
    def data(self) -> bytes:
        """Return the post in the contract's form; an invalid row unchanged."""
        match self.found:
            case Post():
                return json.dumps(post_record(self.found)).encode()
            case LabelledPost():
                return json.dumps(labelled_post_record(self.found)).encode()
        if self.raw.raw is not None or isinstance(self.raw.values, InvalidPost):
            return self.raw.raw or b""
        return json.dumps(dict(self.raw.values), default=_written).encode()


class PostFile:
    """A file of posts, which can be read more than once.

    Attributes
    ----------
    meant_as_id : str
        After the first row: a column that was perhaps meant as the id, if the file has none.

    Raises
    ------
    FileRefused
        When the file does not exist, or has none of the formats.
    """

    def __init__(self, path: Path, wanted: Wanted = Wanted.POSTS):
        self.path = path
        self.content: Content = look_into(path)
        self.wanted = wanted
        self.share_read = 0.0
        self.meant_as_id = ""
        self._opened_at = datetime.now(UTC)

    @property
    def is_from_queue(self) -> bool:
        """Return whether the file is an export of the label queue."""
        return self.content.is_from_queue

    def rows(self) -> Iterator[Row]:
        """Yield the rows that are not blank, a few at a time.

        Raises
        ------
        FileRefused
            When the file is damaged, lacks a column, or has a row that does not fit.
        """
        self.share_read = 0.0
        unit = "row" if self.content.kind is Kind.PARQUET else "line"
        notation = None
        with ExitStack() as files:
            stream, raw = files.enter_context(self.content.bytes())
            if self.content.kind is Kind.CSV:
                table = CsvTable(self.content, stream)
                self._require(table.names)
                notation = table.notation
                source = table.rows()
            else:
                source = self._raw_rows(stream, files)
            size = max(1, self.path.stat().st_size)
            for number, row in enumerate(source, start=1):
                yield self._row(number, unit, row, notation)
                if not number % 500 and not raw.closed:
                    self.share_read = raw.tell() / size
        self.share_read = 1.0

    def posts(self) -> Iterator[Post]:
        """Yield the posts."""
        return (row.found for row in self.rows() if isinstance(row.found, Post))

    def labelled_posts(self) -> Iterator[LabelledPost]:
        """Yield the labelled posts."""
        return (row.found for row in self.rows() if isinstance(row.found, LabelledPost))

    def _raw_rows(self, stream: IO[bytes], files: ExitStack) -> Iterator[RawRow]:
        if self.content.kind is Kind.JSON_LINES:
            return json_lines.read(self.content, stream)
        table = ParquetTable(self.content, stream, files)
        self._require(table.names)
        return table.rows()

    def _require(self, names: list[str]) -> None:
        if said := missing_columns(names, self.wanted.value):
            raise FileRefused("column_missing", f"{self.path} {said}.")
        field = TASK.fields.id
        if missing_columns(names, [field]):
            self.meant_as_id = near_misses(names, [field]).get(field, "")

    def _row(self, number: int, unit: str, row: RawRow, notation: Notation | None) -> Row:
        place = f"{unit} {row.place}"
        if isinstance(row.values, InvalidPost):
            return Row(number, place, row.values, row)
        try:
            values = row.values
            if not self.wanted.is_labelled:
                values = {name: values[name] for name in values if name not in LABEL_FIELDS}
            record = record_of(values, notation=notation)
            is_numbered = TASK.fields.id not in record
            found = self._found(record, number)
        except InvalidPost as error:
            return Row(number, place, error, row)
        is_rounded = is_rounded_id(row.values.get(TASK.fields.id))
        return Row(number, place, found, row, is_rounded, is_numbered)

    def _found(self, record: dict[str, object], number: int) -> Post | LabelledPost:
        if not self.wanted.is_labelled:
            return read_post(record, default_post_id=str(number))
        if self.wanted is Wanted.BASE_DATA:
            record.setdefault(TASK.fields.id, str(number))
        if "label" not in record:
            read_post(record, str(number))  # an invalid post needs no label
            if self.is_from_queue:
                raise InvalidPost("label_awaited", "label is not filled in yet")
            raise InvalidPost("label_missing", f"{LABEL_COLUMN} must be given")
        labelled = parse_record(record)
        if self.wanted is Wanted.LABELS:
            check_given(labelled, self._opened_at)
        return labelled


def _written(value: object) -> str:
    """Convert values without a JSON type; keep invalid UTF-8 invalid."""
    return value.decode(errors="surrogateescape") if isinstance(value, bytes) else str(value)
