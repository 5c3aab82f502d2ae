"""Settings of data retention."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from cdk_app.settings.base import Settings, unit

_LogDays = Literal[
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731,
    1096, 1827, 2192, 2557, 2922, 3288, 3653,
]  # fmt: skip
"""Retention periods in days that CloudWatch Logs accepts."""


class Storage(Settings):
    """Retention of logs, predictions and quarantined records."""

    GROUP: ClassVar[str] = "storage"

    log_retention_days: _LogDays = Field(
        default=30,
        json_schema_extra=unit("days"),
        description="Time to keep logs.",
    )
    raw_archive_days: int = Field(
        default=30,
        ge=3,
        le=3650,
        json_schema_extra=unit("days"),
        description="Time to keep the raw archive: predictions as delivered, from which windows "
        "are settled.",
    )
    archive_retention_days: int | None = Field(
        default=None,
        ge=3,
        le=3650,
        json_schema_extra=unit("days"),
        description="Time to keep the settled archive, which has one row per prediction; forever "
        "if unset.",
    )
    quarantine_retention_days: int = Field(
        default=30,
        ge=1,
        le=3650,
        json_schema_extra=unit("days"),
        description="Time to keep quarantined records and failed batches.",
    )
