"""Athena for tests on moto, which runs no query: DuckDB runs Athena's SQL, translated by sqlglot.

It sees the tables as Glue defines them: columns, types and projected partitions.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import duckdb
import sqlglot
from moto.athena.models import AthenaBackend, QueryResults

from cdk_app.constructs.querying.athena_tables import TABLES, Format, Table, database_of

if TYPE_CHECKING:
    import pytest
    from mypy_boto3_s3 import S3Client

DATABASE = database_of("dev")
_DUCKDB_TYPES = {
    "string": "VARCHAR",
    "boolean": "BOOLEAN",
    "double": "DOUBLE",
    "int": "INTEGER",
    "bigint": "BIGINT",
    "timestamp": "TIMESTAMP",
}
_ATHENA_TYPES = {"HUGEINT": "bigint", **{duck: hive for hive, duck in _DUCKDB_TYPES.items()}}


class Lake:
    """Buckets, named as the attributes of `Storage`, as Athena sees them through the tables."""

    def __init__(self, s3: S3Client, folder: Path):
        self._s3 = s3
        self._folder = folder

    def query(self, sql: str) -> duckdb.DuckDBPyConnection:
        """Run a query of the stage ``dev`` in Athena's dialect."""
        (translated,) = sqlglot.transpile(sql, read="athena", write="duckdb")
        connection = duckdb.connect()
        connection.execute("SET TimeZone = 'UTC'")  # Athena's own
        connection.execute(f"CREATE SCHEMA {DATABASE}")
        connection.execute(f"USE {DATABASE}")
        for table in TABLES:
            if re.search(rf"\b{table.name}\b", sql):
                self._mount(connection, table)
        return connection.execute(translated)

    def _mount(self, connection: duckdb.DuckDBPyConnection, table: Table) -> None:
        files = [str(self._fetched(table, key)) for key in self._keys(table)]
        columns = {name: _DUCKDB_TYPES[kind] for name, kind in table.columns.items()}
        partitions = dict.fromkeys(table.partitions, "VARCHAR")
        if files and table.format is Format.PARQUET:
            relation = connection.read_parquet(
                files, hive_partitioning=bool(partitions), union_by_name=True
            )
            relation = relation.project(
                ", ".join(
                    f'"{name}"::{kind} AS "{name}"' for name, kind in (columns | partitions).items()
                )
            )
        elif files:
            relation = connection.read_json(
                files,
                format="newline_delimited",
                columns=columns,
                ignore_errors=table.skips_malformed,
                hive_partitioning=bool(partitions),
                hive_types=partitions or None,
            )
        else:
            nothing = [f'NULL::{kind} AS "{name}"' for name, kind in (columns | partitions).items()]
            relation = connection.sql(f"SELECT {', '.join(nothing)} WHERE false")
        relation.create(f"{DATABASE}.{table.name}")

    def _keys(self, table: Table) -> Iterable[str]:
        """Return the objects that Athena reads in the table's own folder or its partitions."""
        folders = projected_folders(table)
        for page in self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=table.bucket, Prefix=table.prefix
        ):
            for found in page.get("Contents", []):
                if not table.partitions or found["Key"].rpartition("/")[0] + "/" in folders:
                    yield found["Key"]

    def _fetched(self, table: Table, key: str) -> Path:
        file = self._folder / table.bucket / key
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(self._s3.get_object(Bucket=table.bucket, Key=key)["Body"].read())
        return file


def projected_folders(table: Table) -> set[str]:
    """Return the folders of the last days that Athena reads, by the projection."""
    values = []
    for name, settings in table.partitions.items():
        if settings["type"] == "date":
            assert (settings["format"], settings["interval.unit"]) == ("yyyy-MM-dd", "DAYS")
            first, last = settings["range"].split(",")
            assert last == "NOW"
            days = [f"{datetime.now(UTC) - timedelta(days=n):%Y-%m-%d}" for n in range(14)]
            values.append([f"{name}={day}/" for day in days if day >= first])
        else:
            lowest, highest = map(int, settings["range"].split(","))
            digits = int(settings["digits"])
            values.append([f"{name}={n:0{digits}}/" for n in range(lowest, highest + 1)])
    return {table.prefix + "".join(folders) for folders in itertools.product(*values)}


def run_queries(monkeypatch: pytest.MonkeyPatch, s3: S3Client) -> None:
    """Make moto's Athena run queries."""
    start = AthenaBackend.start_query_execution

    def run(
        self: AthenaBackend,
        query: str,
        context: str,
        config: dict[str, Any],
        workgroup: str,
        execution_parameters: list[str] | None,
    ) -> str:
        execution = start(self, query, context, config, workgroup, execution_parameters)
        with TemporaryDirectory() as folder:
            answer = Lake(s3, Path(folder)).query(_bound(query, execution_parameters or ()))
            columns = [(column[0], str(column[1])) for column in answer.description]
            rows = [[name for name, _ in columns], *answer.fetchall()]
        self.query_results[execution] = QueryResults(
            rows=[{"Data": [_datum(value) for value in row]} for row in rows],
            column_info=[
                {"Name": name, "Type": _ATHENA_TYPES.get(kind, kind.lower())}
                for name, kind in columns
            ],
        )
        return execution

    monkeypatch.setattr(AthenaBackend, "start_query_execution", run)


def _bound(sql: str, parameters: Sequence[str]) -> str:
    """Replace the question marks with parameters, which are SQL literals."""
    parts = sql.split("?")
    assert len(parts) == len(parameters) + 1
    pairs = zip(parts, [*parameters, ""], strict=True)
    return "".join(text for pair in pairs for text in pair)


def _datum(value: object) -> dict[str, str]:
    if value is None:
        return {}
    return {"VarCharValue": str(value).lower() if isinstance(value, bool) else str(value)}
