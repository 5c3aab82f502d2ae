"""Timestamps as an operator types them."""

from __future__ import annotations

from datetime import UTC, datetime

from cli.errors import OperatorError


def utc_now() -> datetime:
    """Return the present time; the default clock."""
    return datetime.now(UTC)


def parse_timestamp(text: str, option: str) -> datetime:
    """Parse an ISO 8601 timestamp; the default time zone is UTC, as in all output.

    Raises
    ------
    OperatorError
        When the text is not a timestamp.
    """
    try:
        read = datetime.fromisoformat(text)
        return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # in UTC it may lie before the year 1
        raise OperatorError(
            f"{option} is {text!r}; give an ISO 8601 time such as 2026-11-24T08:00Z."
        ) from None
