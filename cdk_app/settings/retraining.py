"""Settings of the retraining: when one begins, the training job, and who decides."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field, InstanceOf

from cdk_app.settings import forms
from cdk_app.settings.base import Settings, unit
from stresswatch.contracts.posts import NUMERIC_FEATURES
from stresswatch.retraining.gate_rules import GateRules


class Retraining(Settings):
    """When a model is trained, on what, and what it takes to be promoted."""

    GROUP: ClassVar[str] = "retraining"

    schedule: Annotated[str, AfterValidator(forms.schedule)] | None = Field(
        default="rate(1 day)",
        description="When a retraining is tried without an alarm, as an expression of EventBridge "
        "Scheduler.",
    )
    cool_down_minutes: int = Field(
        default=360,
        ge=0,
        le=43_200,
        json_schema_extra=unit("minutes"),
        description="How long after a training no other begins, unless an operator forces it.",
    )
    minimum_new_labels: int = Field(
        default=100,
        ge=1,
        le=1_000_000,
        json_schema_extra=unit("labels"),
        description="Number of labels, new since a version was last judged, that a retraining "
        "needs.",
    )
    pipeline: Annotated[str, AfterValidator(forms.pipeline)] = Field(
        default="linear",
        description="Which pipeline the training job fits, by its name in "
        "`training_jobs/stress_model/pipelines`. Any but `linear` needs `serving.scorer`: see "
        "[Pipelines](model.md#pipelines).",
    )
    training_instance_type: Annotated[str, AfterValidator(forms.instance_type)] = Field(
        default="ml.m5.large",
        description="Instance type of the training job.",
    )
    training_volume_gb: int = Field(
        default=10,
        ge=1,
        le=16_384,
        json_schema_extra=unit("GB"),
        description="Size of the training job's disk.",
    )
    training_maximum_minutes: int = Field(
        default=60,
        ge=1,
        le=1440,
        json_schema_extra=unit("minutes"),
        description="How long the training job may take.",
    )
    training_on_spot: bool = Field(
        default=True,
        description="Train on spot instances, whose capacity may be waited for as long again as a "
        "training may take.",
    )
    training_attempts: int = Field(
        default=4,
        ge=1,
        le=20,
        description="Number of times that a training is tried if AWS has no instance for it.",
    )
    capacity_wait_minutes: int = Field(
        default=15,
        ge=1,
        le=1440,
        json_schema_extra=unit("minutes"),
        description="Time between two attempts.",
    )
    selected_features: int = Field(
        default=max(1, len(NUMERIC_FEATURES)),
        ge=1,
        le=max(1, len(NUMERIC_FEATURES)),
        description="Number of numeric features that the training job keeps; its hyperparameter "
        "`k`.",
    )
    seed: int = Field(
        default=7,
        ge=0,
        le=2**32 - 1,
        description="Random seed of the training job.",
    )
    gate: InstanceOf[GateRules] = Field(
        default_factory=GateRules,
        description="What a challenger must show before it takes the champion's place.",
    )
    shadow_minutes: int = Field(
        default=60,
        ge=0,
        le=43_200,
        json_schema_extra=unit("minutes"),
        description="How long a challenger that the gate accepted scores live posts beside the "
        "champion before its promotion; 0 for no shadow deployment.",
    )
    probation_minutes: int = Field(
        default=60,
        ge=0,
        le=43_200,
        json_schema_extra=unit("minutes"),
        description="How long after a promotion the previous champion scores live posts beside the "
        "new one, which is rolled back if it is shown to be worse; 0 for no probation.",
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
        description="How long a challenger waits for manual approval; after that the champion "
        "stays.",
    )
    tracking_uri: Annotated[str, AfterValidator(forms.tracking_uri)] | None = Field(
        default=None,
        description="Where MLflow records the training jobs: the ARN of an MLflow app or tracking "
        "server of SageMaker, or a server's https address. A job that tracks is not isolated from "
        "the network.",
    )
    registers_versions: bool = Field(
        default=False,
        description="Keep each judged version in a model package group of SageMaker too, with its "
        "metrics and approval status, and let an approval or a rejection there count.",
    )

    @property
    def trains_on_local_disk(self) -> bool:
        """Whether the training instance's own disk holds the data, which has no key of ours.

        SageMaker refuses a key for the volume of such an instance, whose hardware encrypts it.
        """
        return forms.has_local_disk(self.training_instance_type)

    @property
    def tracking_arn(self) -> str | None:
        """The address of MLflow, where it is SageMaker's."""
        is_arn = self.tracking_uri and forms.is_mlflow_arn(self.tracking_uri)
        return self.tracking_uri if is_arn else None
