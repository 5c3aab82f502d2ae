"""The drift history: one small Parquet object for each measured window.

Objects are ``drift/date=YYYY-MM-DD/<start>-<end>-<version>.parquet`` in the archive bucket, by the
day on which the window starts. Each has one row for every feature of `MONITORED_FEATURES`, even if
the window was skipped, and one for each champion feature that posts no longer have. Measuring a
window again replaces its object, so writers need no lock and windows are unique.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from stresswatch.aws.s3 import listed
from stresswatch.contracts.predictions import MONITORED_FEATURES
from stresswatch.settled.windows import Window
from stresswatch.storage import prefixes

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PREFIX = prefixes.DRIFT
REPORTS = prefixes.REPORTS
"""Prefix of the windows' pages."""
SCHEMA = pa.schema(
    {
        "window_start": pa.timestamp("ms", tz="UTC"),
        "window_end": pa.timestamp("ms", tz="UTC"),
        "model_version": pa.string(),
        "status": pa.string(),
        "posts": pa.int64(),
        "compared": pa.int64(),
        "estimated_f1": pa.float64(),
        "share": pa.float64(),
        "feature": pa.string(),
        "test": pa.string(),
        "p_value": pa.float64(),
        "significance": pa.float64(),
        "distance_name": pa.string(),
        "distance": pa.float64(),
        "threshold": pa.float64(),
        "drifted": pa.bool_(),
        "failed": pa.string(),
    }
)
"""Columns; in a skipped window, those from `estimated_f1` on are null except the name."""
_OF_WINDOW = SCHEMA.names[: SCHEMA.names.index("feature")]
_OF_FEATURE = SCHEMA.names[SCHEMA.names.index("test") : SCHEMA.names.index("failed")]
_READERS = 8


@dataclass(frozen=True)
class WindowDrift:
    """The result for a window.

    Attributes
    ----------
    posts, compared : int
        The champion's predictions in the window, and the number of compared ones.
    estimated_f1 : float or None
        Estimated without labels: `stresswatch.evaluation.estimated_quality`.
    share : float or None
        Share of drifted features among `MONITORED_FEATURES` without absent ones; None if the window
        was skipped.
    features : mapping of str to mapping
        `FeatureDrift` as a dictionary, for each compared feature.
    failed : mapping of str to str
        The reasons why others failed.
    left_out : sequence of str
        Features that only the window or only the reference has.
    """

    window: Window
    model_version: str | None
    status: str
    posts: int
    compared: int = 0
    estimated_f1: float | None = None
    share: float | None = None
    features: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)
    left_out: Sequence[str] = ()

    def __str__(self) -> str:
        start, end = (
            timestamp.astimezone(UTC) for timestamp in (self.window.start, self.window.end)
        )
        return f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC"

    @property
    def drifted(self) -> dict[str, Mapping[str, Any]]:
        return {name: feature for name, feature in self.features.items() if feature["drifted"]}

    def begins_to_drift(
        self, windows: Sequence[WindowDrift], threshold: float, needed: int, evaluated: int
    ) -> bool:
        """Return whether the drift alarm begins with this window, given the earlier windows.

        It begins if the share reaches the threshold in `needed` of the last `evaluated` windows,
        and did not one window earlier. Only measured windows of the same champion count; a new
        champion starts anew.
        """
        if self.share is None:
            return False
        drifted = [
            one.share >= threshold
            for one in windows
            if one.model_version == self.model_version
            and one.share is not None
            and one.window.end <= self.window.start
        ]
        before = sum(drifted[-evaluated:])
        now = sum([*drifted, self.share >= threshold][-evaluated:])
        return before < needed <= now

    @property
    def absent(self) -> tuple[str, ...]:
        """The window's features without a value in the reference."""
        return tuple(name for name in self.left_out if name in MONITORED_FEATURES)

    @property
    def removed(self) -> tuple[str, ...]:
        """The reference's features that posts no longer have."""
        return tuple(name for name in self.left_out if name not in MONITORED_FEATURES)

    @property
    def name(self) -> str:
        return f"{self.window.name}-{self.model_version or 'none'}"

    @property
    def page(self) -> str | None:
        """The key of the window's page, if it has one."""
        return f"{REPORTS}{self.name}.html" if self.compared else None


def write(s3: S3Client, bucket: str, found: WindowDrift) -> None:
    """Store the result for a window."""
    body = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(_rows(found), SCHEMA), body)
    s3.put_object(
        Bucket=bucket,
        Key=f"{_day(found.window.start)}{found.name}.parquet",
        Body=body.getvalue(),
        ContentType="application/vnd.apache.parquet",
    )


def recent(s3: S3Client, bucket: str, end: datetime, days: int, at_most: int) -> list[WindowDrift]:
    """Read the last windows that start before `end` and at most `days` earlier, oldest first."""
    keys = [
        item["Key"]
        for back in range(days, -1, -1)
        for item in listed(s3, bucket, _day(end - timedelta(days=back)))
    ]

    def fetch(key: str) -> WindowDrift:
        body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return _window(pq.read_table(io.BytesIO(body), partitioning=None).to_pylist())

    with ThreadPoolExecutor(_READERS) as pool:
        found = pool.map(fetch, keys[-at_most:])
        return [one for one in found if one.window.start < end]


def _rows(found: WindowDrift) -> list[dict[str, Any]]:
    of_window = {
        "window_start": found.window.start.astimezone(UTC),
        "window_end": found.window.end.astimezone(UTC),
        **{name: getattr(found, name) for name in _OF_WINDOW[2:]},
    }
    return [
        {
            **of_window,
            "feature": name,
            **found.features.get(name, {}),
            "failed": found.failed.get(name),
        }
        for name in (*MONITORED_FEATURES, *found.removed)
    ]


def _window(rows: list[dict[str, Any]]) -> WindowDrift:
    first = rows[0]
    uncompared = [row["feature"] for row in rows if row["drifted"] is None]
    failed = {row["feature"]: row["failed"] for row in rows if row["failed"]}
    return WindowDrift(
        Window(first["window_start"], first["window_end"]),
        **{name: first[name] for name in _OF_WINDOW[2:]},
        features={
            row["feature"]: {name: row[name] for name in _OF_FEATURE}
            for row in rows
            if row["drifted"] is not None
        },
        failed=failed,
        left_out=[name for name in uncompared if name not in failed] if first["compared"] else (),
    )


def _day(timestamp: datetime) -> str:
    return f"{PREFIX}{timestamp.astimezone(UTC):date=%Y-%m-%d/}"
