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
        "it must be a tuple of names, with at least one; otherwise tokens that the issuer makes "
        "for others would be accepted too"
    )


class Jwt(Settings):
    """Tokens that the web service accepts."""

    GROUP: ClassVar[str] = "web_service.jwt"

    issuer: Annotated[str, AfterValidator(forms.issuer)] = Field(
        description="Https address for the token issuer's keys.",
    )
    audience: Annotated[tuple[str, ...], AfterValidator(_audience)] = Field(
        description="Accepted audiences: each token must name one.",
    )


class WebService(Settings):
    """Callers of the HTTP API, and its limits."""

    GROUP: ClassVar[str] = "web_service"

    jwt: Jwt | None = Field(
        default=None,
        description="Issuer whose tokens the HTTP API accepts; if unset, callers sign with AWS "
        "credentials and IAM authorises them.",
    )
    requests_per_second: int = Field(
        default=50,
        ge=1,
        le=10_000,
        json_schema_extra=unit("requests"),
        description="Steady request rate for all callers together, above which the gateway "
        "answers 429.",
    )
    burst: int = Field(
        default=100,
        ge=1,
        le=5_000,
        json_schema_extra=unit("requests"),
        description="Largest burst for all callers together, above which the gateway answers 429.",
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
        description="Answers with status 500 or above in five minutes at which the web service "
        "alarm fires.",
    )
