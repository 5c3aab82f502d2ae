"""The tables over the stack's data, and the saved queries.

Plain data, without CDK. Queries are Athena's SQL in ``sql/``; the first line of each is its
description. ``${database}`` is the stage's database.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from string import Template

import pyarrow as pa

from stresswatch.contracts import labelled_posts
from stresswatch.contracts.predictions import ARCHIVE_COLUMNS
from stresswatch.monitoring import drift_history, label_table
from stresswatch.rates import rate_table
from stresswatch.settled.places import PREDICTIONS, SHADOW
from stresswatch.settled.queries import DRAWN_TABLE, PREDICTIONS_TABLE, SHADOW_TABLE
from stresswatch.storage import archive, quarantine, training_sets
from stresswatch.task.definition import TASK

_SQL = Path(__file__).parent / "sql"
_TYPES = {str: "string", bool: "boolean", float: "double"}
_PARQUET_TYPES = {
    pa.string(): "string",
    pa.bool_(): "boolean",
    pa.float64(): "double",
    pa.int64(): "bigint",
    pa.timestamp("ms", tz="UTC"): "timestamp",
}
_FIRST_DAY = "2026-01-01"
"""First date of partitions; no stack is older."""


class Format(StrEnum):
    """Format of a table's objects; the value is Glue's `classification`."""

    JSON_LINES = "json"
    PARQUET = "parquet"


@dataclass(frozen=True)
class Table:
    """A table over the objects under a prefix.

    Attributes
    ----------
    bucket : str
        The bucket, as an attribute of `Storage`.
    columns : dict of str to str
        Hive types by name. Other fields of the objects are not in the table.
    partitions : dict of str to dict
        Projections of the values of each ``name=value`` folder, by name; all are strings.
    format : Format
    skips_malformed : bool
        Whether to skip lines that are not JSON, in files that people write.
    """

    name: str
    description: str
    bucket: str
    prefix: str
    columns: Mapping[str, str]
    partitions: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    format: Format = Format.JSON_LINES
    skips_malformed: bool = False


@dataclass(frozen=True)
class SavedQuery:
    """A query: its file's name, description and text."""

    name: str
    description: str
    sql: str


_BY_DAY = {
    "date": {
        "type": "date",
        "format": "yyyy-MM-dd",
        "range": f"{_FIRST_DAY},NOW",
        "interval": "1",
        "interval.unit": "DAYS",
    }
}
_BY_HOUR = _BY_DAY | {"hour": {"type": "integer", "range": "0,23", "digits": "2"}}

_ROW = {name.lower(): _TYPES[kind] for name, kind in ARCHIVE_COLUMNS.items()}
_SETTLED_ROW = _ROW | {"predicted_at": "timestamp"}

TABLES = (
    Table(
        "archive",
        "Predictions as delivered, including the current window; some have several rows",
        "archive",
        archive.PREFIX,
        _ROW,
        _BY_HOUR,
    ),
    Table(
        PREDICTIONS_TABLE,
        "Predictions in finished windows, one row each, without text",
        "archive",
        PREDICTIONS.settled,
        _SETTLED_ROW,
        _BY_HOUR,
        Format.PARQUET,
    ),
    Table(
        DRAWN_TABLE,
        "Predictions in finished windows for posts that were drawn for labelling",
        "archive",
        str(PREDICTIONS.drawn),
        _SETTLED_ROW,
        _BY_HOUR,
        Format.PARQUET,
    ),
    Table(
        SHADOW_TABLE,
        "Predictions by shadowing versions in finished windows, one row each",
        "archive",
        SHADOW.settled,
        _SETTLED_ROW,
        _BY_HOUR,
        Format.PARQUET,
    ),
    Table(
        label_table.TABLE,
        "The newest label of each post, as of the last measurement of live quality",
        "training",
        label_table.PREFIX,
        label_table.COLUMNS,
        format=Format.PARQUET,
    ),
    Table(
        "drift",
        "Results of the drift monitor, one row per window and feature",
        "archive",
        drift_history.PREFIX,
        {column.name: _PARQUET_TYPES[column.type] for column in drift_history.SCHEMA},
        _BY_DAY,
        Format.PARQUET,
    ),
    Table(
        rate_table.TABLE,
        f"The {TASK.label.rate} by day, week and community: called, and corrected by labels",
        "archive",
        rate_table.PREFIX,
        rate_table.COLUMNS,
        _BY_DAY,
        Format.PARQUET,
    ),
    Table(
        "quarantine",
        "Records that broke the contract: reason, position and time, without their payload",
        "quarantine",
        quarantine.PREFIX,
        dict.fromkeys(quarantine.COLUMNS, _TYPES[str]),
        _BY_DAY,
    ),
    Table(
        "labels",
        "Labels submitted after the base data, without the posts' text",
        "training",
        training_sets.LABELS_PREFIX,
        # A label as text: `1` is valid, `true` and `1.0` break the contract.
        {name.lower(): _TYPES[str] for name in labelled_posts.COLUMNS},
        skips_malformed=True,
    ),
)


def database_of(stage: str) -> str:
    """Return the name of a stage's database; a hyphen would be a minus in SQL."""
    return f"stresswatch_{stage.replace('-', '_')}"


def saved_queries(stage: str) -> list[SavedQuery]:
    """Return the saved queries of a stage, by name."""
    queries = []
    for name in sorted(path.stem for path in _SQL.glob("*.sql")):
        sql = Template(_text(name)).substitute(
            database=database_of(stage),
            id_field=f'"{TASK.fields.id.lower()}"',
            label_field=f'"{TASK.label.field.lower()}"',
            noun=TASK.label.noun,
            positive=TASK.label.name(1),
        )
        queries.append(SavedQuery(name, sql.partition("\n")[0].removeprefix("-- "), sql))
    return queries


def _text(name: str) -> str:
    return (_SQL / f"{name}.sql").read_text(encoding="utf-8").rstrip()
