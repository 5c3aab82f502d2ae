"""The settled archive in Athena: its tables, and how a query names the rows of a span of time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

PREDICTIONS_TABLE = "predictions"
SHADOW_TABLE = "shadow_predictions"
DRAWN_TABLE = "drawn_predictions"

LONGEST_WINDOW = timedelta(days=1)
"""Rows lie in the folder of the hour in which their window began, at most so long before them."""
IN_SPAN = """predicted_at >= cast(? AS timestamp) AND predicted_at < cast(? AS timestamp)
    AND "date" >= ? AND ("date" > ? OR "hour" >= ?)
    AND "date" <= ? AND ("date" < ? OR "hour" <= ?)"""
"""The rows that were predicted in a span, of the folders alone that can hold any."""

_RESOLUTION = timedelta(milliseconds=1)


def span(start: datetime, end: datetime) -> list[str]:
    """Return the parameters of `IN_SPAN` from `start` up to, not including, `end`."""
    first, last = (start - LONGEST_WINDOW).astimezone(UTC), end.astimezone(UTC)
    day, last_day = f"{first:%Y-%m-%d}", f"{last:%Y-%m-%d}"
    return [
        *(timestamp(start), timestamp(end)),
        *(day, day, f"{first:%H}"),
        *(last_day, last_day, f"{last:%H}"),
    ]


def timestamp(moment: datetime) -> str:
    """Write a moment as SQL reads it.

    It is rounded up to milliseconds: which rows are before it stays the same, as theirs are whole.
    """
    beyond = timedelta(microseconds=moment.microsecond) % _RESOLUTION
    rounded = moment + (_RESOLUTION - beyond if beyond else timedelta(0))
    return rounded.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "milliseconds")
