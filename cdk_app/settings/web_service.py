"""Settings of the web service."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from cdk_app.settings import forms
from cdk_app.settings.base import Settings, unit


def _audience(names: tuple[str, ...]) -> tuple[str, ...]:
    if names and all(names):
        return names
    raise ValueError(
        "it must be a tuple of names, and without any the tokens that the issuer makes for others "
        "would be taken as well"
    )


class Jwt(Settings):
    """Whose tokens the web service takes."""

    GROUP: ClassVar[str] = "web_service.jwt"

    issuer: Annotated[str, AfterValidator(forms.issuer)] = Field(
        description="The https address below which the issuer's keys are found.",
    )
    audience: Annotated[tuple[str, ...], AfterValidator(_audience)] = Field(
        description="Whom a token must have been made for: one of these.",
    )


class WebService(Settings):
    """The HTTP API: who may call it, and how often."""

    GROUP: ClassVar[str] = "web_service"

    jwt: Jwt | None = Field(
        default=None,
        description="Whose tokens callers show; without, they sign with credentials of AWS, and "
        "IAM decides.",
    )
    requests_per_second: int = Field(
        default=50,
        ge=1,
        le=10_000,
        json_schema_extra=unit("requests"),
        description="How many requests all callers together may make steadily; the gateway answers "
        "others with 429.",
    )
    burst: int = Field(
        default=100,
        ge=1,
        le=5_000,
        json_schema_extra=unit("requests"),
        description="How many requests all callers together may make at once.",
    )
    concurrency: int = Field(
        default=10,
        ge=1,
        le=1000,
        json_schema_extra=unit("invocations"),
        description="Concurrency to reserve for the web service's function.",
    )
    errors_alarm_count: int = Field(
        default=5,
        ge=1,
        le=1_000_000,
        json_schema_extra=unit("answers"),
        description="Number of answers of 500 and above in five minutes from which the alarm "
        "fires.",
    )
