"""The table `rates`: one Parquet object per day, with the cells that start on it.

Objects are ``rates/date=YYYY-MM-DD/rates.parquet`` in the archive bucket. A new estimate
rewrites the object; the same cells give the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import astuple
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import duckdb

from stresswatch.aws.s3 import Location, listed, read
from stresswatch.rates.cells import Period, Rate, RateMethod
from stresswatch.settled.rows import OPTIONS

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

TABLE = "rates"
"""Its name in Athena."""
PREFIX = "rates/"
COLUMNS = {
    "period": "string",
    "start": "string",
    "source": "string",
    "method": "string",
    "posts": "bigint",
    "called_rate": "double",
    "mean_probability": "double",
    "drawable": "bigint",
    "drawn": "bigint",
    "labelled": "bigint",
    "represented": "bigint",
    "corrected_rate": "double",
    "low": "double",
    "high": "double",
    "variance": "double",
    "degrees": "double",
    "tuning": "double",
    "model_versions": "string",
}
"""The fields of `Rate`, by Hive's type."""
_DUCKDB_TYPES = {"string": "VARCHAR", "bigint": "BIGINT", "double": "DOUBLE"}


def write_rates(s3: S3Client, bucket: str, rates: Iterable[Rate]) -> None:
    """Write the object of each day on which any of the cells start."""
    by_start: dict[date, list[Rate]] = {}
    for rate in rates:
        by_start.setdefault(rate.start, []).append(rate)
    with closing(_connected()) as rows, TemporaryDirectory() as folder:
        for start, found in by_start.items():
            s3.put_object(
                Bucket=bucket,
                Key=f"{PREFIX}date={start}/rates.parquet",
                Body=_parquet(rows, found, Path(folder) / "rates.parquet"),
                ContentType="application/vnd.apache.parquet",
            )


def read_rates(s3: S3Client, bucket: str, start: date, end: date) -> list[Rate]:
    """Read the cells that start from `start` up to, but excluding, `end`, in order.

    On each day, all communities together come first, and days before weeks. Columns missing in an
    earlier version's object are None.
    """
    found: list[Rate] = []
    with closing(_connected()) as rows, TemporaryDirectory() as folder:
        file = Path(folder) / "rates.parquet"
        for item in listed(s3, bucket, PREFIX, start_after=f"{PREFIX}date={start}"):
            if item["Key"] >= f"{PREFIX}date={end}":
                break
            file.write_bytes(read(s3, Location(bucket, item["Key"])))
            query = "SELECT * FROM read_parquet(?, hive_partitioning=false)"
            read_rows = rows.execute(query, [str(file)]).fetchall()
            names = [column[0] for column in rows.description or ()]
            found += [_rate(**dict(zip(names, row, strict=True))) for row in read_rows]
    return found


def _rate(period: str, start: str, source: str | None, method: str, **figures: Any) -> Rate:
    return Rate(Period(period), date.fromisoformat(start), source, RateMethod(method), **figures)


def _parquet(rows: duckdb.DuckDBPyConnection, rates: Sequence[Rate], file: Path) -> bytes:
    columns = zip(*map(_values, rates), strict=True)
    types = {name: _DUCKDB_TYPES[kind] for name, kind in COLUMNS.items()}
    lists = ", ".join(f'unnest(${name}::{kind}[]) AS "{name}"' for name, kind in types.items())
    # COPY takes no parameters; our own path has no quotation marks.
    rows.execute(
        f"CREATE OR REPLACE TEMP TABLE rates AS SELECT {lists}",
        dict(zip(COLUMNS, map(list, columns), strict=True)),
    )
    rows.execute(f"COPY rates TO '{file}' ({OPTIONS})")
    return file.read_bytes()


def _values(rate: Rate) -> tuple[Any, ...]:
    return (*map(str, (rate.period, rate.start)), *astuple(rate)[2:])


def _connected() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": 1, "autoinstall_known_extensions": False})
