"""The history of drift: one small Parquet object for each window that was measured.

Objects are ``drift/date=YYYY-MM-DD/<start>-<end>-<version>.parquet`` in the archive bucket, by the
day on which the window starts. Each has one row for every column of `DRIFT_COLUMNS`, whatever
became of the window. A window that is measured again replaces its object, so writers need no lock
and no window is there twice.
"""

from __future__ import annotations

import io
from datetime import UTC
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from stresswatch.predictions import DRIFT_COLUMNS

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from stresswatch.windows import Window

PREFIX = "drift/"
SCHEMA = pa.schema(
    {
        "window_start": pa.timestamp("ms", tz="UTC"),
        "window_end": pa.timestamp("ms", tz="UTC"),
        "model_version": pa.string(),
        "status": pa.string(),
        "posts": pa.int64(),
        "compared": pa.int64(),
        "share": pa.float64(),
        "column_name": pa.string(),
        "test": pa.string(),
        "p_value": pa.float64(),
        "significance": pa.float64(),
        "distance_name": pa.string(),
        "distance": pa.float64(),
        "least": pa.float64(),
        "drifted": pa.bool_(),
        "failed": pa.string(),
    }
)
"""Where a window has no figure, the columns from `share` on are null, but for the name."""


def write(s3: S3Client, bucket: str, window: Window, result: dict[str, Any]) -> None:
    """Keep what the drift function answers of a window."""
    body = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(_rows(window, result), SCHEMA), body)
    s3.put_object(
        Bucket=bucket,
        Key=f"{_day(window)}{window.name}-{result['model_version'] or 'none'}.parquet",
        Body=body.getvalue(),
        ContentType="application/vnd.apache.parquet",
    )


def _rows(window: Window, result: dict[str, Any]) -> list[dict[str, Any]]:
    of_window = {
        "window_start": window.start.astimezone(UTC),
        "window_end": window.end.astimezone(UTC),
        **{name: result[name] for name in ("model_version", "status", "posts", "compared")},
        "share": result.get("share"),
    }
    columns, failed = result.get("columns", {}), result.get("failed", {})
    return [
        {**of_window, "column_name": name, **columns.get(name, {}), "failed": failed.get(name)}
        for name in DRIFT_COLUMNS
    ]


def _day(window: Window) -> str:
    return f"{PREFIX}{window.start.astimezone(UTC):date=%Y-%m-%d/}"
