"""Settings of the functions that predict, and of the concurrency that all functions share."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from cdk_app.settings.base import Settings, unit
from cdk_app.settings.errors import InvalidStage
from stresswatch.contracts.reasons import ReasonsPolicy
from stresswatch.model.scorer import ScorerKind


class Serving(Settings):
    """The predictor, and how new code of what serves takes over."""

    GROUP: ClassVar[str] = "serving"

    canary_minutes: Literal[0, 5, 10, 15, 30] = Field(
        default=0,
        json_schema_extra=unit("minutes"),
        description="How long new code of the predictor and of the web service gets a tenth of the "
        "batches and requests, watched by their alarms, before it gets all; 0 for all at once.",
    )
    provisioned_concurrency: int = Field(
        default=0,
        ge=0,
        le=1000,
        json_schema_extra=unit("environments"),
        description="Number of environments of the predictor that are kept warm, and paid for; "
        "0 for none.",
    )
    reserves_concurrency: bool = Field(
        default=False,
        description="Reserve concurrency for each function, which no other function of the account "
        "can take. New accounts often have 10 in all: see [Concurrency](#concurrency).",
    )
    predictor_concurrency: int = Field(
        default=10,
        ge=1,
        le=1000,
        json_schema_extra=unit("invocations"),
        description="Concurrency to reserve for the predictor, which needs one for each shard.",
    )
    other_concurrency: int = Field(
        default=5,
        ge=1,
        le=1000,
        json_schema_extra=unit("invocations"),
        description="Concurrency to reserve for each function that has no setting of its own.",
    )
    champion_ttl_seconds: int = Field(
        default=30,
        ge=1,
        le=60,
        json_schema_extra=unit("seconds"),
        description="How soon a warm predictor looks for another champion.",
    )
    reasons: ReasonsPolicy = Field(
        default=ReasonsPolicy.ON_REQUEST,
        strict=False,  # `always` may be written as text
        description="Which predictions say what moved them. Reasons hold words of the post.",
    )

    scorer: ScorerKind = Field(
        default=ScorerKind.ARRAYS,
        strict=False,  # `scikit-learn` may be written as text
        description="What versions may be scored by: `arrays` alone, which every function has, or "
        "`scikit-learn` too, for pipelines that cannot be exported. The functions that predict "
        "then come as a container image: see [Scorers](model.md#scorers).",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.reserves_concurrency and self.provisioned_concurrency > self.predictor_concurrency:
            raise InvalidStage(
                f"serving.provisioned_concurrency is {self.provisioned_concurrency}, above "
                f"serving.predictor_concurrency, {self.predictor_concurrency}, which bounds it; "
                "raise that or lower this"
            )
        return self
