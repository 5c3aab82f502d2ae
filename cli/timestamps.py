"""Timestamps as an operator types them."""

from __future__ import annotations

from datetime import UTC, datetime

from cli.errors import OperatorError


def utc_now() -> datetime:
    """Return the present time; the clock of functions that take one."""
    return datetime.now(UTC)


def parse_timestamp(text: str, option: str) -> datetime:
    """Return an ISO 8601 timestamp; one without a time zone is in UTC, as all that is printed.

    Raises
    ------
    OperatorError
        When the text is none.
    """
    try:
        read = datetime.fromisoformat(text)
        return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # in UTC it may lie before the year 1
        raise OperatorError(
            f"{option} is {text!r}; give an ISO 8601 moment such as 2026-11-24T08:00Z."
        ) from None
