"""Windows of time: what is settled at a time, and what a monitor looks at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from stresswatch.errors import InvalidInput

LAG = timedelta(minutes=2)
"""How long after its end a window is looked at: what was predicted in it is archived by then."""


SCHEDULED_TIME = "<aws.scheduler.scheduled-time>"
"""What EventBridge Scheduler puts the time into that a run is for, the same when it tries again."""


class InvalidWindow(InvalidInput):
    """The event names no window of time."""


@dataclass(frozen=True, order=True)
class Window:
    """From `start` up to, not including, `end`; both with a time zone."""

    start: datetime
    end: datetime

    @property
    def name(self) -> str:
        """Name it so that names sort by time: ``20261123T103000Z-20261123T113000Z``."""
        start, end = (
            f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}" for moment in (self.start, self.end)
        )
        return f"{start}-{end}"

    @staticmethod
    def before(moment: datetime, minutes: int) -> Window:
        """Return the last window of a grid that had ended `LAG` before a moment.

        Days begin with a window at midnight, UTC, as `minutes` divides them. So runs that are
        late, or tried again, look at the window that they were for, and no two windows overlap.
        """
        end = _on_grid(moment - LAG, minutes)
        return Window(end - timedelta(minutes=minutes), end)

    @staticmethod
    def grid(start: datetime, end: datetime, minutes: int) -> list[Window]:
        """Return the windows of the grid that overlap the time from `start` to `end`, in order."""
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
        """Write it as `of` reads it."""
        return {"start": self.start.isoformat(), "end": self.end.isoformat()}

    @staticmethod
    def of(event: Mapping[str, Any], minutes: float) -> Window:
        """Read a window from an event; without one, the `minutes` before its schedule's time.

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


def _on_grid(moment: datetime, minutes: int) -> datetime:
    """Return the last boundary of the grid up to a moment, in UTC."""
    utc, length = moment.astimezone(UTC), timedelta(minutes=minutes)
    midnight = utc.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + (utc - midnight) // length * length
