"""Settings of drift, live quality and the alarms."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, Field, InstanceOf, model_validator

from cdk_app.settings import forms
from cdk_app.settings.base import Settings, unit
from cdk_app.settings.errors import InvalidStage
from stresswatch.contracts.predictions import MONITORED_FEATURES
from stresswatch.monitoring.drift_rules import DriftRules
from stresswatch.task.definition import TASK


class Monitoring(Settings):
    """Measurements on live predictions, and their alarms."""

    GROUP: ClassVar[str] = "monitoring"

    window_minutes: int = Field(
        default=60,
        ge=5,
        le=1440,
        json_schema_extra=unit("minutes"),
        description="Window length and interval between measurements: it divides an hour, "
        "or is whole hours that divide a day.",
    )
    minimum_window_posts: int = Field(
        default=500,
        ge=50,
        le=1_000_000,
        json_schema_extra=unit("posts"),
        description="Minimum posts in a window for a drift measurement.",
    )
    maximum_window_posts: int = Field(
        default=10_000,
        ge=50,
        le=100_000,
        json_schema_extra=unit("posts"),
        description="Maximum posts to compare in a window; larger windows are sampled.",
    )
    settle_concurrency: int = Field(
        default=10,
        ge=1,
        le=40,
        json_schema_extra=unit("invocations"),
        description="Shards to settle concurrently, which is also the concurrency to reserve; 10 "
        "settle 900 full shards an hour.",
    )
    drift: InstanceOf[DriftRules] = Field(
        default_factory=DriftRules,
        description="Test, distance and threshold that decide whether a feature drifted in a "
        "window.",
    )
    drift_share_threshold: float = Field(
        default=round(0.65 / len(MONITORED_FEATURES), 3),
        ge=0.001,
        le=1.0,
        json_schema_extra=unit("share"),
        description="Drifted share at which the drift alarm fires; by default, one feature "
        "is enough.",
    )
    drift_windows_to_alarm: int = Field(
        default=4,
        ge=1,
        le=288,
        json_schema_extra=unit("windows"),
        description="Drifted windows, among the last `monitoring.drift_windows_evaluated`, at "
        "which the drift alarm fires.",
    )
    drift_windows_evaluated: int = Field(
        default=5,
        ge=1,
        le=288,
        json_schema_extra=unit("windows"),
        description="Recent windows to evaluate for the drift alarm.",
    )
    report_link_hours: int = Field(
        default=12,
        ge=1,
        le=168,
        json_schema_extra=unit("hours"),
        description="Maximum validity for signed links to a window's report.",
    )
    quality_window_days: int = Field(
        default=7,
        ge=1,
        le=90,
        json_schema_extra=unit("days"),
        description="Past days whose predictions are compared with labels for live quality.",
    )
    quality_every_hours: int = Field(
        default=24,
        ge=1,
        le=24,
        json_schema_extra=unit("hours"),
        description="Interval between measurements of live quality.",
    )
    minimum_labelled_posts: int = Field(
        default=50,
        ge=30,
        le=1_000_000,
        json_schema_extra=unit("posts"),
        description="Minimum labelled posts for live quality, overall or in a community.",
    )
    rate_days: int = Field(
        default=28,
        ge=14,
        le=365,
        json_schema_extra=unit("days"),
        description=f"Past days for which the {TASK.label.rate} is estimated again as labels "
        "arrive, in whole weeks.",
    )
    minimum_cell_posts: int = Field(
        default=20,
        ge=1,
        le=1_000_000,
        json_schema_extra=unit("posts"),
        description=f"Minimum posts for which a community's daily or weekly {TASK.label.rate} is "
        "shown; smaller cells are suppressed to protect their authors.",
    )
    accepted_f1: float = Field(
        default=TASK.monitoring.accepted_f1,
        ge=0.01,
        le=1.0,
        json_schema_extra=unit("F1"),
        description="Lowest accepted live F1: the alarm fires when its 95 % interval is entirely "
        "lower.",
    )
    accepted_estimated_f1: float | None = Field(
        default=None,
        ge=0.01,
        le=1.0,
        json_schema_extra=unit("F1"),
        description="Lowest accepted F1 as estimated without labels: an alarm fires when three of "
        "four windows are lower; leave unset to disable the alarm.",
    )
    iterator_age_alarm_seconds: int = Field(
        default=300,
        ge=1,
        le=604_800,
        json_schema_extra=unit("seconds"),
        description="Waiting time in the stream after which the iterator age alarm fires.",
    )
    silence_alarm_minutes: int = Field(
        default=60,
        ge=1,
        le=1440,
        json_schema_extra=unit("minutes"),
        description="Time without any post after which the silent stream alarm fires.",
    )
    throttles_alarm_count: int = Field(
        default=1,
        ge=1,
        le=1_000_000,
        json_schema_extra=unit("invocations"),
        description="Throttled predictor invocations in five minutes at which the throttles alarm "
        "fires.",
    )
    quarantine_alarm_posts: int = Field(
        default=100,
        ge=1,
        le=1_000_000_000,
        json_schema_extra=unit("posts"),
        description="Quarantined posts in five minutes at which the quarantine rate alarm fires.",
    )
    partial_failure_alarm_batches: int = Field(
        default=5,
        ge=1,
        le=1_000_000,
        json_schema_extra=unit("batches"),
        description="Partial batch failures in five minutes at which their alarm fires.",
    )
    runbooks: Annotated[str, AfterValidator(forms.runbooks)] = Field(
        default="docs/runbooks",
        description="Folder or address to which alarms link for their runbooks.",
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
        # The maximum evaluation range of an alarm depends on its period.
        most = (1440 if self.window_minutes < 60 else 7 * 1440) // self.window_minutes
        if self.drift_windows_evaluated > most:
            raise InvalidStage(
                f"monitoring.drift_windows_evaluated is {self.drift_windows_evaluated}; with a "
                f"window_minutes of {self.window_minutes}, CloudWatch evaluates at most {most}"
            )
        return self
