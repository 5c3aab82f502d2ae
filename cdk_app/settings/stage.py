"""A stage: every setting in which one deployment differs from another."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from cdk_app.settings.base import Settings
from cdk_app.settings.errors import InvalidStage
from cdk_app.settings.labelling import Labelling
from cdk_app.settings.monitoring import Monitoring
from cdk_app.settings.querying import Querying
from cdk_app.settings.retraining import Retraining
from cdk_app.settings.scoring import Scoring
from cdk_app.settings.security import Security
from cdk_app.settings.serving import Serving
from cdk_app.settings.storage import Storage
from cdk_app.settings.streaming import Streaming
from cdk_app.settings.web_service import WebService
from stresswatch.settled.plan import LOOKED_AT
from stresswatch.settled.sources import TOLERANCE
from stresswatch.task.definition import TASK

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_A_WEEK = 7
LONGEST_NAME = 20
"""Maximum length of the name: it is part of resource names, which AWS limits."""


def _name(value: str) -> str:
    if _NAME.fullmatch(value) and len(value) <= LONGEST_NAME:
        return value
    raise ValueError(
        "it must be of small letters, digits and single hyphens, begin with a letter, and have at "
        f"most {LONGEST_NAME} characters"
    )


class Stage(Settings):
    """Settings of one deployment, checked when it is made."""

    name: Annotated[str, AfterValidator(_name)] = Field(
        description="Part of each resource's name.",
    )
    retains_data: bool = Field(
        description="Keep buckets, streams and keys when the stack is deleted, and protect the "
        "stack from deletion.",
    )
    requires_byte_code: bool = Field(
        description="Fail the synthesis unless it runs on the functions' Python version, for "
        "which the layers ship byte code.",
    )
    streaming: Streaming = Field(default_factory=Streaming)
    serving: Serving = Field(default_factory=Serving)
    monitoring: Monitoring = Field(default_factory=Monitoring)
    labelling: Labelling = Field(default_factory=Labelling)
    retraining: Retraining = Field(default_factory=Retraining)
    security: Security = Field(default_factory=Security)
    storage: Storage = Field(default_factory=Storage)
    scoring: Scoring = Field(default_factory=Scoring)
    querying: Querying = Field(default_factory=Querying)
    web_service: WebService | None = Field(
        default=None,
        description="HTTP API that predicts on request, if the stage has one.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        streaming, serving, monitoring = self.streaming, self.serving, self.monitoring
        if serving.reserves_concurrency and (
            serving.predictor_concurrency < streaming.batches_at_once
        ):
            raise InvalidStage(
                f"{self.name}: serving.predictor_concurrency is {serving.predictor_concurrency}, "
                f"below the {streaming.batches_at_once} batches at once that streaming.shards and "
                "streaming.parallelization_factor make: Lambda would throttle the mapping; raise it"
            )
        if monitoring.iterator_age_alarm_seconds >= streaming.maximum_record_age_seconds:
            raise InvalidStage(
                f"{self.name}: monitoring.iterator_age_alarm_seconds is "
                f"{monitoring.iterator_age_alarm_seconds}, not below "
                f"streaming.maximum_record_age_seconds, {streaming.maximum_record_age_seconds}: "
                "the alarm would fire after the first loss; lower it"
            )
        self._check_retention()
        return self

    def _check_retention(self) -> None:
        """Reject a raw archive that expires before its windows can be settled again."""
        age = timedelta(seconds=self.streaming.maximum_record_age_seconds)
        needed = LOOKED_AT + timedelta(minutes=self.monitoring.window_minutes) + age + TOLERANCE
        days = self.storage.raw_archive_days
        if timedelta(days=days) < needed:
            raise InvalidStage(
                f"{self.name}: storage.raw_archive_days is {days}, but a window that is settled "
                f"again reads what was delivered up to {-(-needed // timedelta(days=1))} days "
                "earlier (streaming.maximum_record_age_seconds and a day); raise it"
            )
        settled = self.storage.archive_retention_days
        if settled is not None and settled < self.monitoring.quality_window_days:
            raise InvalidStage(
                f"{self.name}: storage.archive_retention_days is {settled}, below the "
                f"{self.monitoring.quality_window_days} days that live quality looks back "
                "(monitoring.quality_window_days); raise it"
            )
        estimated = self.monitoring.rate_days + _A_WEEK
        if settled is not None and settled < estimated:
            raise InvalidStage(
                f"{self.name}: storage.archive_retention_days is {settled}, below the {estimated} "
                f"days that the {TASK.label.rate} looks back (monitoring.rate_days, and what "
                "completes its first week): weeks would be estimated from the remaining posts; "
                "raise it"
            )
