"""Parquet with pyarrow: a few rows at a time, and only the needed columns."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from tempfile import TemporaryFile
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from cli.errors import FileRefused
from cli.post_files.columns import known, repeated
from cli.post_files.contents import Content
from cli.post_files.rows import RawRow, by_field

_ROWS = 1_000
_BUFFER_BYTES = 1024 * 1024


class ParquetTable:
    """An open Parquet file."""

    def __init__(self, content: Content, stream: IO[bytes], files: ExitStack):
        self._content = content
        if content.is_packed:
            stream = _unpacked(stream, files)
        try:
            self._file = files.enter_context(
                pq.ParquetFile(stream, pre_buffer=False, buffer_size=_BUFFER_BYTES)
            )
        except (pa.ArrowException, OSError) as error:
            raise self._damaged(error) from error
        self.names = list(self._file.schema_arrow.names)
        self.count: int = self._file.metadata.num_rows
        self.is_at = 0
        if twice := repeated(self.names):
            raise FileRefused(
                "column_repeated", f"{content.path} has the column {twice} twice; keep one of them."
            )

    def rows(self) -> Iterator[RawRow]:
        """Return the rows in their order."""
        columns = [name for name in self.names if known(name)]
        for record in self.records(columns):
            self.is_at += 1
            yield RawRow(self.is_at, by_field(record))

    def records(self, columns: Sequence[str]) -> Iterator[dict[str, object]]:
        """Return these columns of the rows in their order."""
        try:
            for batch in self._file.iter_batches(batch_size=_ROWS, columns=list(columns)):
                values = [_values(column) for column in batch.columns]
                for cells in zip(*values, strict=True):
                    yield dict(zip(batch.schema.names, cells, strict=True))
        except (pa.ArrowException, OSError) as error:
            if isinstance(error, OSError) and error.errno:  # Arrow's errors have none
                raise
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> FileRefused:
        return FileRefused(
            "parquet_damaged",
            f"{self._content.path} is not a Parquet file, or is damaged, perhaps cut off "
            f"({type(error).__name__}); write or fetch it again.",
        )


def _unpacked(stream: IO[bytes], files: ExitStack) -> IO[bytes]:
    """Unpack into a temporary file, as Parquet is not read from front to back."""
    file: IO[bytes] = files.enter_context(TemporaryFile())  # noqa: SIM115 - the stack closes it
    shutil.copyfileobj(stream, file, _BUFFER_BYTES)
    file.seek(0)
    return file


def _values(column: Any) -> list[Any]:
    """Return the values of a column of any type; texts as bytes, which may be invalid UTF-8."""
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        is_uuid = kind.extension_name == "arrow.uuid"
        return list(column.to_pylist()) if is_uuid else _values(column.storage)
    if pa.types.is_dictionary(kind):
        return _values(column.dictionary_decode())
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        binary = pa.binary() if pa.types.is_string(kind) else pa.large_binary()
        return list(column.view(binary).to_pylist())
    if pa.types.is_string_view(kind):
        return list(column.view(pa.binary_view()).to_pylist())
    if pa.types.is_timestamp(kind):
        return [_timestamp(value, kind) for value in column.view(pa.int64()).to_pylist()]
    if pa.types.is_date32(kind):
        return [_day(value) for value in column.view(pa.int32()).to_pylist()]
    if pa.types.is_date64(kind):
        return [
            _timestamp(value, pa.timestamp("ms")) for value in column.view(pa.int64()).to_pylist()
        ]
    if pa.types.is_float16(kind):
        return list(column.cast(pa.float32()).to_pylist())
    return list(column.to_pylist())


_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


def _timestamp(value: int | None, kind: Any) -> datetime | str | None:
    """Return a timestamp; beyond the year 9999, return a text that fails the check."""
    if value is None:
        return None
    seconds, rest = divmod(value, _PER_SECOND[kind.unit])
    micros = rest * 1_000_000 // _PER_SECOND[kind.unit]
    start = datetime(1970, 1, 1, tzinfo=UTC if kind.tz else None)
    try:
        return start + timedelta(seconds=seconds, microseconds=micros)
    except OverflowError:
        return "beyond the calendar"


def _day(value: int | None) -> date | str | None:
    try:
        return None if value is None else date(1970, 1, 1) + timedelta(days=value)
    except OverflowError:
        return "beyond the calendar"
