"""Turn raw objects on disk into a part's rows, counts and sample, with DuckDB.

DuckDB sorts on disk if the data exceeds its memory limit. With one thread, the same rows give the
same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from stresswatch.contracts.posts import NUMERIC_FEATURES, SMOKE_PREFIX
from stresswatch.contracts.predictions import ARCHIVE_COLUMNS, REFERENCE_COLUMNS
from stresswatch.settled.summaries import Counts
from stresswatch.task.definition import TASK

SAMPLE_COLUMNS = ("prediction_id", "predicted_at", "model_version", *REFERENCE_COLUMNS)
"""A sample's columns, by the archive's own names."""
_MEMORY = "400MB"
_ROWS_A_GROUP = 100_000
_LONGEST_LINE = 1_000_000
"""Bytes, far above any row's size: DuckDB's read buffers are twice as large."""
_TYPES = {str: "VARCHAR", bool: "BOOLEAN", float: "DOUBLE"}
OPTIONS = f"FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {_ROWS_A_GROUP}"
_SMOKE = f"starts_with(post_id, '{SMOKE_PREFIX}')"


class Rows:
    """A part in progress, in its own folder."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, folder: Path):
        self._connection = connection
        self.file = folder / "rows.parquet"
        self.sample_file = folder / "sample.parquet"
        self.drawn_file = folder / "drawn.parquet"

    def write(self, alone: Sequence[Path], repeated: Sequence[Path], start: datetime) -> None:
        """Write one row for each `prediction_id`, in the order of these ids.

        Parameters
        ----------
        alone
            Gzipped JSON Lines files whose records are in no other file.
        repeated
            Files whose records may be in several. The first row by `predicted_at` and
            `model_version` counts; if it precedes `start`, the record is left out.
        """
        rows = " UNION ALL BY NAME ".join(
            [
                _NONE,
                *([_read(alone)] if alone else []),
                *([_first(repeated, start)] if repeated else []),
            ]
        )
        self._copy(f"SELECT {_SETTLED} FROM ({rows}) ORDER BY prediction_id", self.file)

    def counts(self) -> tuple[int, tuple[Counts, ...]]:
        """Count the rows of smoke tests, and the others by model version and source."""
        ((smoke_posts,),) = self._connection.execute(
            f"SELECT count(*) FROM {self._rows} WHERE {_SMOKE}"
        ).fetchall()
        counts = self._connection.execute(
            f"SELECT {_COUNTS} FROM {self._rows} WHERE NOT {_SMOKE} "
            "GROUP BY model_version, source ORDER BY model_version, source NULLS FIRST"
        ).fetchall()
        return smoke_posts, tuple(Counts(*row) for row in counts)

    def write_sample(self, counts: Sequence[Counts], maximum: int) -> None:
        """Keep each version's `maximum` rows with the smallest ids, without smoke tests."""
        columns = ", ".join(f'{_lower(name)} AS "{name}"' for name in SAMPLE_COLUMNS)
        versions = sorted({one.model_version for one in counts})
        samples = [
            f"(SELECT {columns} FROM {self._rows} "
            f"WHERE model_version = {_text(version)} AND NOT {_SMOKE} "
            f"ORDER BY prediction_id LIMIT {maximum:d})"
            for version in versions
        ]
        none = f"(SELECT {columns} FROM {self._rows} LIMIT 0)"
        chosen = " UNION ALL ".join(samples or [none])
        self._copy(
            f"SELECT * FROM ({chosen}) ORDER BY model_version, prediction_id", self.sample_file
        )

    def write_drawn(self) -> None:
        """Keep the rows of posts drawn for labelling, without smoke tests."""
        self._copy(
            f"SELECT * FROM {self._rows} WHERE sample IS NOT NULL AND NOT {_SMOKE} "
            "ORDER BY prediction_id",
            self.drawn_file,
        )

    @property
    def _rows(self) -> str:
        return f"read_parquet({_text(str(self.file))})"

    def _copy(self, query: str, file: Path) -> None:
        self._connection.execute(f"COPY ({query}) TO {_text(str(file))} ({OPTIONS})")


@contextmanager
def rows_in(folder: Path) -> Iterator[Rows]:
    """Create a part in a folder."""
    settings: dict[str, str | bool | int | float | list[str]] = {
        "threads": 1,
        "memory_limit": _MEMORY,
        "temp_directory": str(folder / "spilled"),
        "autoinstall_known_extensions": False,
    }
    with closing(duckdb.connect(config=settings)) as connection:
        connection.execute("SET enable_progress_bar = false")  # it would be drawn into the log
        yield Rows(connection, folder)


def _read(files: Sequence[Path], *, with_name: bool = False) -> str:
    names = ", ".join(_text(str(file)) for file in files)
    columns = ", ".join(
        f"{_text(name)}: '{_TYPES[kind]}'" for name, kind in ARCHIVE_COLUMNS.items()
    )
    return (
        f"SELECT * FROM read_json([{names}], columns={{{columns}}}, compression='gzip', "
        f"format='newline_delimited', maximum_object_size={_LONGEST_LINE}, filename={with_name})"
    )


def _first(files: Sequence[Path], start: datetime) -> str:
    """Choose each id's first row; among equal ones, always the same."""
    order = "predicted_at::TIMESTAMP, model_version, filename"
    time = f"TIMESTAMP '{start.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}'"
    return (
        "SELECT * EXCLUDE filename FROM "
        f"(SELECT * FROM ({_read(files, with_name=True)}) QUALIFY row_number() OVER "
        f"(PARTITION BY prediction_id ORDER BY {order}) = 1) "
        f"WHERE predicted_at::TIMESTAMP >= {time}"
    )


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _lower(name: str) -> str:
    return f'"{name.lower()}"'


def _settled(name: str) -> str:
    # Glue has lower-case column names. Times are truncated to milliseconds, never rounded up.
    if name == "predicted_at":
        value = "date_trunc('milliseconds', predicted_at::TIMESTAMP)::TIMESTAMP_MS"
    else:
        value = f'"{name}"'
    return f"{value} AS {_lower(name)}"


_SETTLED = ", ".join(map(_settled, ARCHIVE_COLUMNS))
_NONE = "SELECT {} WHERE false".format(
    ", ".join(f'NULL::{_TYPES[kind]} AS "{name}"' for name, kind in ARCHIVE_COLUMNS.items())
)
_COUNTS = (
    f"model_version, source, count(*), count_if({_lower(TASK.label.field)}), fsum(probability), "
    "fsum(probability * probability), "
    + (" + ".join(f"count_if({_lower(name)} IS NULL)" for name in NUMERIC_FEATURES) or "0")
    + ", count(inclusion_probability), "
    "coalesce(fsum(probability) FILTER (WHERE inclusion_probability IS NOT NULL), 0.0), "
    "count(sample)"
)
