"""Time windows: the unit of settling and monitoring."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from stresswatch.errors import InvalidInput

LAG = timedelta(minutes=2)
"""Delay after a window's end before it is measured, so that its predictions are archived."""


SCHEDULED_TIME = "<aws.scheduler.scheduled-time>"
"""EventBridge Scheduler's placeholder for a run's scheduled time, which retries keep."""


class InvalidWindow(InvalidInput):
    """The event names no time window."""


@dataclass(frozen=True, order=True)
class Window:
    """A time from `start` up to, but excluding, `end`; both have a time zone."""

    start: datetime
    end: datetime

    @property
    def name(self) -> str:
        """Return a name that sorts by time: ``20261123T103000Z-20261123T113000Z``."""
        start, end = (
            f"{timestamp.astimezone(UTC):%Y%m%dT%H%M%SZ}" for timestamp in (self.start, self.end)
        )
        return f"{start}-{end}"

    @staticmethod
    def before(timestamp: datetime, minutes: int) -> Window:
        """Return a grid's last window that had ended `LAG` before a time.

        Days begin with a window at midnight, UTC, because `minutes` divides them. So late or
        repeated runs measure their original window, and windows do not overlap.
        """
        end = _on_grid(timestamp - LAG, minutes)
        return Window(end - timedelta(minutes=minutes), end)

    @staticmethod
    def grid(start: datetime, end: datetime, minutes: int) -> list[Window]:
        """Return the grid's windows that overlap the time from `start` to `end`, in order."""
        length = timedelta(minutes=minutes)
        begin = _on_grid(start, minutes)
        count = -((begin - end) // length)
        return [
            Window(begin + place * length, begin + (place + 1) * length) for place in range(count)
        ]

    def overlaps(self, start: datetime, end: datetime) -> bool:
        return self.start < end and start < self.end

    def is_within(self, other: Window) -> bool:
        return other.start <= self.start and self.end <= other.end

    def to_dict(self) -> dict[str, str]:
        """Write it in the format of `of`."""
        return {"start": self.start.isoformat(), "end": self.end.isoformat()}

    @staticmethod
    def of(event: Mapping[str, Any], minutes: float) -> Window:
        """Read a window from an event; by default, the `minutes` before its schedule's time.

        Raises
        ------
        InvalidWindow
        """
        try:
            named = event.get("end", event.get("time"))  # `time` is that of a schedule
            end = datetime.now(UTC) if named is None else datetime.fromisoformat(named)
            start = (
                datetime.fromisoformat(event["start"])
                if "start" in event
                else end - timedelta(minutes=minutes)
            )
            if start >= end:
                raise InvalidWindow("the window's start must be before its end")
            if end.tzinfo is None:
                raise InvalidWindow("the window's times have no time zone")
        except (TypeError, ValueError) as error:
            raise InvalidWindow(
                f"start and end must be ISO 8601 times with a time zone, in order: {error}"
            ) from error
        return Window(start, end)


def _on_grid(timestamp: datetime, minutes: int) -> datetime:
    """Return the grid's last boundary up to a time, in UTC."""
    utc, length = timestamp.astimezone(UTC), timedelta(minutes=minutes)
    midnight = utc.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + (utc - midnight) // length * length
