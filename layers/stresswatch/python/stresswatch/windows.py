"""Windows of time that a monitor looks at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any


class InvalidWindow(ValueError):
    """The event names no window of time."""


@dataclass(frozen=True)
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
    def of(event: Mapping[str, Any], minutes: float) -> Window:
        """Read a window from an event; without one, the last `minutes`.

        Raises
        ------
        InvalidWindow
        """
        try:
            end = datetime.fromisoformat(event["end"]) if "end" in event else datetime.now(UTC)
            start = (
                datetime.fromisoformat(event["start"])
                if "start" in event
                else end - timedelta(minutes=minutes)
            )
            if start >= end:
                raise InvalidWindow("the window's start must be before its end")
        except (TypeError, ValueError) as error:
            raise InvalidWindow(
                f"start and end must be ISO 8601 times with a time zone, in order: {error}"
            ) from error
        return Window(start, end)
