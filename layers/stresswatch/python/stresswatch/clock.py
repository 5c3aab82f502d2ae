"""The clock of what is handed no other, and times as Step Functions reads them."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_now() -> datetime:
    return datetime.now(UTC)


def to_the_second(at: datetime) -> str:
    """Write a time in UTC as a state machine waits for it, without the fraction of its second."""
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
