"""Settings of batch scoring."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from cdk_app.settings.base import Settings, unit


class Scoring(Settings):
    """Scoring of large files."""

    GROUP: ClassVar[str] = "scoring"

    concurrency: int = Field(
        default=10,
        ge=1,
        le=1000,
        json_schema_extra=unit("parts"),
        description="Parts to score concurrently for a large file.",
    )
    part_mb: int = Field(
        default=16,
        ge=1,
        le=128,
        json_schema_extra=unit("MB"),
        description="Part size for large files.",
    )
    tolerated_failure_percentage: int = Field(
        default=5,
        ge=0,
        le=100,
        json_schema_extra=unit("%"),
        description="Failed parts, as a percentage, above which scoring a large file stops.",
    )
    kept_days: int = Field(
        default=7,
        ge=1,
        le=365,
        json_schema_extra=unit("days"),
        description="Time to keep files to score, which contain text, and their results.",
    )
