"""Drops metrics of more than two weeks ago once a minute, not at every request for a metric.

The emulator goes through every sample that it holds each time, so that a stack on which much was
predicted would take ever more of a core, idle or not. Like `closed_shards` this changes it from
inside: names that a release takes away break its start.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from ministack.services import cloudwatch  # type: ignore[import-untyped]

_SECONDS = 60.0


def drop_old_metrics_seldom(clock: Callable[[], float] = time.time) -> None:
    """Have the emulator of this process drop old metrics once a minute."""
    cloudwatch._evict_old_metrics = _AtMostOnceAMinute(cloudwatch._evict_old_metrics, clock)


class _AtMostOnceAMinute:
    """Does something where it was not done within the last minute of a clock."""

    def __init__(self, work: Callable[[], None], clock: Callable[[], float]):
        self._work, self._clock = work, clock
        self._done_at = -math.inf

    def __call__(self) -> None:
        now = self._clock()
        if not 0 <= now - self._done_at < _SECONDS:
            self._work()
            self._done_at = now
