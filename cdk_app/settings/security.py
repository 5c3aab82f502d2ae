"""Settings of the network and the keys."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, Field, model_validator

from cdk_app.settings import forms
from cdk_app.settings.base import Settings, unit
from cdk_app.settings.errors import InvalidStage


class Security(Settings):
    """The network that functions run in, and who may administer the keys."""

    GROUP: ClassVar[str] = "security"

    subnet_ids: Annotated[tuple[str, ...], AfterValidator(forms.subnets)] = Field(
        default=(),
        description="Subnets that the functions run in; empty to run outside of a VPC. They must "
        "reach S3, Kinesis, SSM, Secrets Manager, SNS, DynamoDB, CloudWatch, X-Ray, Step Functions "
        "and SageMaker.",
    )
    security_group_ids: Annotated[tuple[str, ...], AfterValidator(forms.security_groups)] = Field(
        default=(),
        description="Security groups of the functions; empty to run outside of a VPC.",
    )
    key_administrators: Annotated[tuple[str, ...], AfterValidator(forms.principals)] = Field(
        default=(),
        description="ARNs of roles and users who may administer the keys, beside those whom IAM "
        "lets.",
    )
    key_deletion_days: int = Field(
        default=30,
        ge=7,
        le=30,
        json_schema_extra=unit("days"),
        description="How long a deleted key can be restored.",
    )
    key_rotation_days: int = Field(
        default=365,
        ge=90,
        le=2560,
        json_schema_extra=unit("days"),
        description="How often a key's material changes.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if bool(self.subnet_ids) != bool(self.security_group_ids):
            raise InvalidStage(
                "security.subnet_ids and security.security_group_ids go together; one is empty: "
                "give both or neither"
            )
        return self
