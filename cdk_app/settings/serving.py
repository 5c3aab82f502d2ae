"""Settings of the serving functions, and of the shared concurrency."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from cdk_app.settings.base import Settings, unit
from cdk_app.settings.errors import InvalidStage
from stresswatch.contracts.reasons import ReasonsPolicy
from stresswatch.model.scorer import ScorerKind


class Serving(Settings):
    """The predictor, and the rollout of new code."""

    GROUP: ClassVar[str] = "serving"

    canary_minutes: Literal[0, 5, 10, 15, 30] = Field(
        default=0,
        json_schema_extra=unit("minutes"),
        description="Time in which new code for the predictor and web service gets 10 % of the "
        "traffic, and an alarm rolls it back; 0 disables the canary.",
    )
    provisioned_concurrency: int = Field(
        default=0,
        ge=0,
        le=1000,
        json_schema_extra=unit("environments"),
        description="Predictor environments to keep warm, at extra cost.",
    )
    reserves_concurrency: bool = Field(
        default=False,
        description="Reserve concurrency for each function; check the account's quota first "
        "([Concurrency](#concurrency)).",
    )
    predictor_concurrency: int = Field(
        default=10,
        ge=1,
        le=1000,
        json_schema_extra=unit("invocations"),
        description="Concurrency to reserve for the predictor, at least one for each concurrent "
        "batch.",
    )
    other_concurrency: int = Field(
        default=5,
        ge=1,
        le=1000,
        json_schema_extra=unit("invocations"),
        description="Concurrency to reserve for each function without its own setting.",
    )
    champion_ttl_seconds: int = Field(
        default=30,
        ge=1,
        le=60,
        json_schema_extra=unit("seconds"),
        description="Time after which a warm predictor checks for a new champion.",
    )
    reasons: ReasonsPolicy = Field(
        default=ReasonsPolicy.ON_REQUEST,
        strict=False,  # `always` may be written as text
        description="When a prediction includes an explanation, which contains words from the "
        "post.",
    )

    scorer: ScorerKind = Field(
        default=ScorerKind.ARRAYS,
        strict=False,  # `scikit-learn` may be written as text
        description="Scorers that the functions have: `arrays` for exported models, or "
        "`scikit-learn` for any pipeline, in a container image ([Scorers](model.md#scorers)).",
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
