"""Settings of the label queue."""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import Field, model_validator

from cdk_app.settings.base import Settings, unit
from cdk_app.settings.errors import InvalidStage


class Labelling(Settings):
    """Sampling of posts, and their retention with text, for annotators."""

    GROUP: ClassVar[str] = "labelling"

    label_sample_share: float = Field(
        default=0.0,
        ge=0.0,
        le=1.0,
        json_schema_extra=unit("share"),
        description="Share to draw at random from all posts, and to keep with their text for "
        "labelling; 0 disables the label queue.",
    )
    uncertain_sample_share: float = Field(
        default=0.0,
        ge=0.0,
        le=1.0,
        json_schema_extra=unit("share"),
        description="Share to draw from uncertain posts, where it is higher than "
        "`labelling.label_sample_share`.",
    )
    queue_retention_days: int = Field(
        default=30,
        ge=1,
        le=3650,
        json_schema_extra=unit("days"),
        description="Time to keep drawn posts in the label queue.",
    )

    @property
    def has_queue(self) -> bool:
        """Return whether any posts are sampled."""
        return self.label_sample_share > 0

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.uncertain_sample_share and not self.has_queue:
            raise InvalidStage(
                f"labelling.uncertain_sample_share is {self.uncertain_sample_share}, and "
                "labelling.label_sample_share is 0: without a random sample no rate can be "
                "corrected; give both or neither"
            )
        return self
