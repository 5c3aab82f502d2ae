"""Settings of retraining: triggers, training job, gate and approval."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field, InstanceOf

from cdk_app.settings import forms
from cdk_app.settings.base import Settings, unit
from stresswatch.contracts.posts import NUMERIC_FEATURES
from stresswatch.retraining.gate_rules import GateRules
from stresswatch.retraining.tracking import EXPERIMENT
from stresswatch.retraining.training_defaults import SEARCH_SECONDS, SEED


class Retraining(Settings):
    """Triggers, training job, gate, shadow deployment, approval and probation."""

    GROUP: ClassVar[str] = "retraining"

    schedule: Annotated[str, AfterValidator(forms.schedule)] | None = Field(
        default="rate(1 day)",
        description="EventBridge Scheduler expression for retrainings without an alarm.",
    )
    cool_down_minutes: int = Field(
        default=360,
        ge=0,
        le=43_200,
        json_schema_extra=unit("minutes"),
        description="Time after a training during which only a forced retraining can start.",
    )
    minimum_new_labels: int = Field(
        default=100,
        ge=1,
        le=1_000_000,
        json_schema_extra=unit("labels"),
        description="Minimum new labels for a retraining, counted since a version was last judged.",
    )
    pipeline: Annotated[str, AfterValidator(forms.pipeline)] = Field(
        default="linear",
        description="Pipeline to train, by its name in `training_jobs/model/pipelines`; "
        "all except `linear` need `serving.scorer` ([Pipelines](model.md#pipelines)).",
    )
    training_instance_type: Annotated[str, AfterValidator(forms.instance_type)] = Field(
        default="ml.m5.large",
        description="Instance type for the training job.",
    )
    training_volume_gb: int = Field(
        default=10,
        ge=1,
        le=16_384,
        json_schema_extra=unit("GB"),
        description="Disk size for the training job.",
    )
    training_maximum_minutes: int = Field(
        default=60,
        ge=1,
        le=1440,
        json_schema_extra=unit("minutes"),
        description="Maximum run time for the training job.",
    )
    training_on_spot: bool = Field(
        default=True,
        description="Train on spot instances; the wait for capacity may add "
        "`retraining.training_maximum_minutes` once more.",
    )
    training_attempts: int = Field(
        default=4,
        ge=1,
        le=20,
        description="Attempts to start a training while AWS lacks a free instance.",
    )
    capacity_wait_minutes: int = Field(
        default=15,
        ge=1,
        le=1440,
        json_schema_extra=unit("minutes"),
        description="Time between two attempts to start a training while AWS lacks a free "
        "instance.",
    )
    selected_features: int = Field(
        default=max(1, len(NUMERIC_FEATURES)),
        ge=1,
        le=max(1, len(NUMERIC_FEATURES)),
        description="Numeric features to keep in training: the hyperparameter `k`.",
    )
    seed: int = Field(
        default=SEED,
        ge=0,
        le=2**32 - 1,
        description="Random seed for the training job.",
    )
    search_seconds: int = Field(
        default=SEARCH_SECONDS,
        ge=0,
        le=86_400,
        json_schema_extra=unit("seconds"),
        description="Time limit for the training job's search for a better "
        "[number weight](model.md#number-weight); 0 turns the search off.",
    )
    gate: InstanceOf[GateRules] = Field(
        default_factory=GateRules,
        description="Minimum values, margins and confidence by which the gate judges a challenger.",
    )
    shadow_minutes: int = Field(
        default=60,
        ge=0,
        le=43_200,
        json_schema_extra=unit("minutes"),
        description="Duration for the shadow deployment, once the gate accepts a challenger; 0 "
        "disables it.",
    )
    probation_minutes: int = Field(
        default=60,
        ge=0,
        le=43_200,
        json_schema_extra=unit("minutes"),
        description="Duration for the probation after a promotion, in which a worse champion is "
        "rolled back; 0 disables it.",
    )
    requires_approval: bool = Field(
        default=False,
        description="Require manual approval before a promotion.",
    )
    approval_hours: int = Field(
        default=72,
        ge=1,
        le=720,
        json_schema_extra=unit("hours"),
        description="Time to wait for manual approval; afterwards the champion stays.",
    )
    tracking_uri: Annotated[str, AfterValidator(forms.tracking_uri)] | None = Field(
        default=None,
        description="MLflow server to track training jobs, by https address or SageMaker ARN (app "
        "or tracking server); such jobs have network access.",
    )
    tracking_experiment: Annotated[str, AfterValidator(forms.experiment)] = Field(
        default=EXPERIMENT,
        description="MLflow experiment for training jobs, one for each stage that shares a server.",
    )
    registers_versions: bool = Field(
        default=False,
        description="Register each judged version in a SageMaker model package group too, where "
        "people can also approve or reject it.",
    )

    @property
    def trains_on_local_disk(self) -> bool:
        """Whether data is on the training instance's own disk, without the stack's key.

        SageMaker rejects a key for the volume of such an instance, whose hardware encrypts it.
        """
        return forms.has_local_disk(self.training_instance_type)

    @property
    def tracking_arn(self) -> str | None:
        """The tracking address, if it is a SageMaker ARN."""
        is_arn = self.tracking_uri and forms.is_mlflow_arn(self.tracking_uri)
        return self.tracking_uri if is_arn else None
