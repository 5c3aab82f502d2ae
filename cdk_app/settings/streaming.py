"""Settings of the streams and the predictor's event source mapping."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Self

from pydantic import Field, model_validator

from cdk_app.settings.base import Settings, unit
from cdk_app.settings.errors import InvalidStage
from stresswatch.settled.sources import LONGEST

ON_DEMAND_SHARDS = 4
"""Initial shards of an on-demand stream."""


class StreamMode(StrEnum):
    """Capacity mode of a stream."""

    PROVISIONED = "provisioned"
    ON_DEMAND = "on_demand"


class Streaming(Settings):
    """The posts stream, the predictions stream, and the event source mapping."""

    GROUP: ClassVar[str] = "streaming"

    mode: StreamMode = Field(
        default=StreamMode.PROVISIONED,
        strict=False,  # `on_demand` may be written as text
        description="Capacity mode for both streams: `provisioned` uses `streaming.shards`, while "
        "`on_demand` lets Kinesis add shards and costs more when idle.",
    )
    shards: int = Field(
        default=1,
        ge=1,
        le=500,
        description="Shards in each provisioned stream.",
    )
    retention_hours: int = Field(
        default=24,
        ge=24,
        le=8760,
        json_schema_extra=unit("hours"),
        description="Time to keep records in the posts stream.",
    )
    predictions_retention_hours: int = Field(
        default=24,
        ge=24,
        le=8760,
        json_schema_extra=unit("hours"),
        description="Time to keep records in the predictions stream; the archive has its own "
        "retention.",
    )
    enhanced_fan_out: bool = Field(
        default=False,
        description="Give the predictor its own read throughput: 2 MB a second per shard.",
    )
    parallelization_factor: int = Field(
        default=1,
        ge=1,
        le=10,
        description="Concurrent batches per shard; records with the same partition key stay in "
        "order.",
    )
    batch_size: int = Field(
        default=500,
        ge=1,
        le=10_000,
        json_schema_extra=unit("records"),
        description="Maximum records in a batch for the predictor.",
    )
    batch_window_seconds: int = Field(
        default=1,
        ge=0,
        le=300,
        json_schema_extra=unit("seconds"),
        description="Longest time that Lambda waits to fill a batch.",
    )
    maximum_record_age_seconds: int = Field(
        default=3600,
        ge=60,
        le=int(LONGEST.total_seconds()),
        json_schema_extra=unit("seconds"),
        description="Age at which Lambda stops retrying a record and discards its batch into the "
        "failure destination.",
    )

    @property
    def batches_at_once(self) -> int:
        """Minimum number of concurrent batches from the event source mapping."""
        on_demand = self.mode == StreamMode.ON_DEMAND
        return (ON_DEMAND_SHARDS if on_demand else self.shards) * self.parallelization_factor

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.maximum_record_age_seconds > self.retention_hours * 3600:
            raise InvalidStage(
                f"streaming.maximum_record_age_seconds is {self.maximum_record_age_seconds}, "
                f"longer than the stream keeps a record; lower it, or raise "
                f"streaming.retention_hours, {self.retention_hours}"
            )
        if self.mode == StreamMode.ON_DEMAND and self.shards != 1:
            raise InvalidStage(
                f"streaming.shards is {self.shards}, but streaming.mode is on_demand, and Kinesis "
                "chooses; leave shards out"
            )
        return self
