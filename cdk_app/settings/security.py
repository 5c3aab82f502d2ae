"""Settings of the network and the keys."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, Field, model_validator

from cdk_app.settings import forms
from cdk_app.settings.base import Settings, unit
from cdk_app.settings.errors import InvalidStage


class Security(Settings):
    """Network of the functions, and administration of the keys."""

    GROUP: ClassVar[str] = "security"

    subnet_ids: Annotated[tuple[str, ...], AfterValidator(forms.subnets)] = Field(
        default=(),
        description="Subnets for the functions, which need access to [AWS services](#network); "
        "leave empty to run outside a VPC.",
    )
    security_group_ids: Annotated[tuple[str, ...], AfterValidator(forms.security_groups)] = Field(
        default=(),
        description="Security groups for the functions; leave empty to run outside a VPC.",
    )
    key_administrators: Annotated[tuple[str, ...], AfterValidator(forms.principals)] = Field(
        default=(),
        description="Roles and users, by ARN, who may administer the keys in addition to those "
        "whom IAM permits.",
    )
    key_deletion_days: int = Field(
        default=30,
        ge=7,
        le=30,
        json_schema_extra=unit("days"),
        description="Time during which a deleted key can be restored.",
    )
    key_rotation_days: int = Field(
        default=365,
        ge=90,
        le=2560,
        json_schema_extra=unit("days"),
        description="Interval between key rotations.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if bool(self.subnet_ids) != bool(self.security_group_ids):
            raise InvalidStage(
                "security.subnet_ids and security.security_group_ids go together; one is empty: "
                "give both or neither"
            )
        return self
