"""The default clock, and times in Step Functions' format."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_now() -> datetime:
    return datetime.now(UTC)


def to_the_second(at: datetime) -> str:
    """Write a UTC time in a state machine's format, without fractions of a second."""
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
