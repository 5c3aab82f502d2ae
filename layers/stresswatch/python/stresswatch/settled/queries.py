"""The settled archive in Athena: its tables, and conditions for a time span."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

PREDICTIONS_TABLE = "predictions"
SHADOW_TABLE = "shadow_predictions"
DRAWN_TABLE = "drawn_predictions"

LONGEST_WINDOW = timedelta(days=1)
"""Rows are in the folder of the hour in which their window began, at most this much earlier."""
IN_SPAN = """predicted_at >= cast(? AS timestamp) AND predicted_at < cast(? AS timestamp)
    AND "date" >= ? AND ("date" > ? OR "hour" >= ?)
    AND "date" <= ? AND ("date" < ? OR "hour" <= ?)"""
"""Condition for rows predicted in a time span; it reads only the necessary folders."""

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


def timestamp(time: datetime) -> str:
    """Write a time in SQL format.

    It is rounded up to milliseconds, which selects the same rows, because theirs are whole
    milliseconds.
    """
    beyond = timedelta(microseconds=time.microsecond) % _RESOLUTION
    rounded = time + (_RESOLUTION - beyond if beyond else timedelta(0))
    return rounded.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "milliseconds")
