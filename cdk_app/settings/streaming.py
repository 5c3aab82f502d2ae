"""Settings of the streams and of the mapping that hands their records to the predictor."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Self

from pydantic import Field, model_validator

from cdk_app.settings.base import Settings, unit
from cdk_app.settings.errors import InvalidStage
from stresswatch.settled.sources import LONGEST

ON_DEMAND_SHARDS = 4
"""What a stream on demand begins with."""


class StreamMode(StrEnum):
    """Who says how many shards a stream has."""

    PROVISIONED = "provisioned"
    ON_DEMAND = "on_demand"


class Streaming(Settings):
    """The posts stream, the predictions stream, and the event source mapping."""

    GROUP: ClassVar[str] = "streaming"

    mode: StreamMode = Field(
        default=StreamMode.PROVISIONED,
        strict=False,  # `on_demand` may be written as text
        description="`provisioned` with `streaming.shards`, or `on_demand`: Kinesis adds shards by "
        "itself, and an idle stream costs more.",
    )
    shards: int = Field(
        default=1,
        ge=1,
        le=500,
        description="Number of shards of a provisioned stream.",
    )
    retention_hours: int = Field(
        default=24,
        ge=24,
        le=8760,
        json_schema_extra=unit("hours"),
        description="How long the posts stream keeps a record.",
    )
    predictions_retention_hours: int = Field(
        default=24,
        ge=24,
        le=8760,
        json_schema_extra=unit("hours"),
        description="How long the predictions stream keeps a record; the archive keeps them all.",
    )
    enhanced_fan_out: bool = Field(
        default=False,
        description="Give the predictor 2 MB a second of each shard for itself.",
    )
    parallelization_factor: int = Field(
        default=1,
        ge=1,
        le=10,
        description="Number of batches of one shard that are predicted at once; the records of a "
        "partition key stay in order.",
    )
    batch_size: int = Field(
        default=500,
        ge=1,
        le=10_000,
        json_schema_extra=unit("records"),
        description="Maximum number of records in a batch of the event source mapping.",
    )
    batch_window_seconds: int = Field(
        default=1,
        ge=0,
        le=300,
        json_schema_extra=unit("seconds"),
        description="How long the mapping waits for a batch to fill.",
    )
    maximum_record_age_seconds: int = Field(
        default=3600,
        ge=60,
        le=int(LONGEST.total_seconds()),
        json_schema_extra=unit("seconds"),
        description="Age at which the mapping gives a record up; until then it is tried again.",
    )

    @property
    def batches_at_once(self) -> int:
        """Number of batches that the mapping hands out at once, at least."""
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
