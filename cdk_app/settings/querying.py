"""Settings of Athena."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from cdk_app.settings.base import Settings, unit


class Querying(Settings):
    """Limits for queries, and retention of their results."""

    GROUP: ClassVar[str] = "querying"

    scan_limit_mb: int = Field(
        default=10_000,
        ge=10,
        le=7_000_000,
        json_schema_extra=unit("MB"),
        description="Maximum data for one query to read, which limits its price.",
    )
    results_days: int = Field(
        default=7,
        ge=1,
        le=365,
        json_schema_extra=unit("days"),
        description="Time to keep query results.",
    )
