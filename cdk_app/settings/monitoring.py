"""Settings of drift, live quality and the alarms."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, Field, InstanceOf, model_validator

from cdk_app.settings import forms
from cdk_app.settings.base import Settings, unit
from cdk_app.settings.errors import InvalidStage
from stresswatch.monitoring.drift_rules import DriftRules


class Monitoring(Settings):
    """What is measured of the live predictions, and when people are told."""

    GROUP: ClassVar[str] = "monitoring"

    window_minutes: int = Field(
        default=60,
        ge=5,
        le=1440,
        json_schema_extra=unit("minutes"),
        description="Length of the window that drift is measured on, and how often it is measured: "
        "it divides an hour, or is of whole hours that divide a day.",
    )
    minimum_window_posts: int = Field(
        default=500,
        ge=50,
        le=1_000_000,
        json_schema_extra=unit("posts"),
        description="Number of posts below which a window's drift is not measured.",
    )
    maximum_window_posts: int = Field(
        default=10_000,
        ge=50,
        le=100_000,
        json_schema_extra=unit("posts"),
        description="Number of posts above which a sample of a window is compared.",
    )
    settle_concurrency: int = Field(
        default=10,
        ge=1,
        le=40,
        json_schema_extra=unit("invocations"),
        description="Number of shards whose window is settled at a time; 10 settle 900 full shards "
        "an hour. Concurrency to reserve for the function.",
    )
    drift: InstanceOf[DriftRules] = Field(
        default_factory=DriftRules,
        description="When a column of a window has drifted: test, distance and threshold.",
    )
    drift_share_threshold: float = Field(
        default=0.05,
        ge=0.01,
        le=1.0,
        json_schema_extra=unit("share"),
        description="Share of drifted columns from which the alarm fires; by default, any of the "
        "thirteen.",
    )
    drift_windows_to_alarm: int = Field(
        default=4,
        ge=1,
        le=288,
        json_schema_extra=unit("windows"),
        description="Number of drifted windows, among the last `drift_windows_evaluated`, from "
        "which the alarm fires.",
    )
    drift_windows_evaluated: int = Field(
        default=5,
        ge=1,
        le=288,
        json_schema_extra=unit("windows"),
        description="Number of last windows that the drift alarm looks at.",
    )
    report_link_hours: int = Field(
        default=12,
        ge=1,
        le=168,
        json_schema_extra=unit("hours"),
        description="How long a link to a window's report is valid, at most.",
    )
    quality_window_days: int = Field(
        default=7,
        ge=1,
        le=90,
        json_schema_extra=unit("days"),
        description="How far back the champion's predictions are compared with labels.",
    )
    quality_every_hours: int = Field(
        default=24,
        ge=1,
        le=24,
        json_schema_extra=unit("hours"),
        description="How often live quality is measured.",
    )
    minimum_labelled_posts: int = Field(
        default=50,
        ge=30,
        le=1_000_000,
        json_schema_extra=unit("posts"),
        description="Number of labelled posts below which live quality, overall or of a community, "
        "is not measured.",
    )
    rate_days: int = Field(
        default=28,
        ge=14,
        le=365,
        json_schema_extra=unit("days"),
        description="How far back the stress rate is estimated anew, as labels come late; whole "
        "weeks of it.",
    )
    minimum_cell_posts: int = Field(
        default=20,
        ge=1,
        le=1_000_000,
        json_schema_extra=unit("posts"),
        description="Number of posts below which the stress rate of a community's day or week is "
        "suppressed, to protect the few authors.",
    )
    accepted_f1: float = Field(
        default=0.7,
        ge=0.01,
        le=1.0,
        json_schema_extra=unit("F1"),
        description="The alarm fires when even the upper end of the live F1's 95 % interval is "
        "below it.",
    )
    accepted_estimated_f1: float | None = Field(
        default=None,
        ge=0.01,
        le=1.0,
        json_schema_extra=unit("F1"),
        description="The alarm fires when the F1 that is estimated without labels is below it in "
        "three windows of four; None for no alarm.",
    )
    iterator_age_alarm_seconds: int = Field(
        default=300,
        ge=1,
        le=604_800,
        json_schema_extra=unit("seconds"),
        description="How long a post may wait in the stream before the alarm fires.",
    )
    silence_alarm_minutes: int = Field(
        default=60,
        ge=1,
        le=1440,
        json_schema_extra=unit("minutes"),
        description="How long the stream may be without a single post before the alarm fires.",
    )
    throttles_alarm_count: int = Field(
        default=1,
        ge=1,
        le=1_000_000,
        json_schema_extra=unit("invocations"),
        description="Number of throttled invocations of the predictor in five minutes from which "
        "the alarm fires.",
    )
    quarantine_alarm_posts: int = Field(
        default=100,
        ge=1,
        le=1_000_000_000,
        json_schema_extra=unit("posts"),
        description="Number of quarantined posts in five minutes from which the alarm fires.",
    )
    unfinished_alarm_batches: int = Field(
        default=5,
        ge=1,
        le=1_000_000,
        json_schema_extra=unit("batches"),
        description="Number of batches that the predictor gives back in five minutes from which "
        "the alarm fires.",
    )
    runbooks: Annotated[str, AfterValidator(forms.runbooks)] = Field(
        default="docs/runbooks",
        description="Where the pages of `docs/runbooks` are published; alarms link to them.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.maximum_window_posts < self.minimum_window_posts:
            raise InvalidStage(
                f"monitoring.maximum_window_posts is {self.maximum_window_posts}; it must be "
                f"between {self.minimum_window_posts}, the minimum_window_posts, and 100000"
            )
        if 60 % self.window_minutes and (self.window_minutes % 60 or 1440 % self.window_minutes):
            raise InvalidStage(
                f"monitoring.window_minutes is {self.window_minutes}; it must divide an hour, or "
                "be of whole hours that divide a day"
            )
        if self.drift_windows_to_alarm > self.drift_windows_evaluated:
            raise InvalidStage(
                f"monitoring.drift_windows_to_alarm is {self.drift_windows_to_alarm}; it must be "
                f"at most drift_windows_evaluated, {self.drift_windows_evaluated}"
            )
        # How far CloudWatch lets an alarm look back depends on its period.
        most = (1440 if self.window_minutes < 60 else 7 * 1440) // self.window_minutes
        if self.drift_windows_evaluated > most:
            raise InvalidStage(
                f"monitoring.drift_windows_evaluated is {self.drift_windows_evaluated}; with a "
                f"window_minutes of {self.window_minutes}, CloudWatch evaluates at most {most}"
            )
        return self
