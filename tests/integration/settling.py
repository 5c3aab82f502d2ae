"""Parts of the settled archive, of what is in the raw one."""

from __future__ import annotations

import io
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from stresswatch.contracts.predictions import ARCHIVE_COLUMNS
from stresswatch.settled.places import PREDICTIONS, SHADOW
from stresswatch.storage import archive

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_TYPES = {str: pa.string(), bool: pa.bool_(), float: pa.float64()}
_SCHEMA = pa.schema(
    [
        (name.lower(), pa.timestamp("ms") if name == "predicted_at" else _TYPES[kind])
        for name, kind in ARCHIVE_COLUMNS.items()
    ]
)


def settle(s3: S3Client, bucket: str = "archive", days: int = 12) -> None:
    """Write the parts of all that was archived in the last days, an hour each."""
    end = datetime.now(UTC) + timedelta(hours=1)
    for place in (PREDICTIONS, SHADOW):
        hours: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in archive.read(s3, bucket, end - timedelta(days=days), end, prefix=place.raw):
            at = datetime.fromisoformat(row["predicted_at"]).astimezone(UTC).replace(tzinfo=None)
            named = {name.lower(): row.get(name) for name in ARCHIVE_COLUMNS}
            hours[f"{at:date=%Y-%m-%d/hour=%H/%Y%m%dT%H0000Z}"].append(named | {"predicted_at": at})
        for hour, rows in hours.items():
            body = io.BytesIO()
            pq.write_table(pa.Table.from_pylist(rows, schema=_SCHEMA), body)
            s3.put_object(
                Bucket=bucket,
                Key=f"{place.settled}{hour}-shard.parquet",
                Body=body.getvalue(),
            )
