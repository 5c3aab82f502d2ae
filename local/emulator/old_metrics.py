"""Drop metrics older than two weeks once a minute, instead of at every metric request.

The emulator scans all its samples each time, so a busy stack would use more and more processor
time. Like `closed_shards`, this patches the emulator: names that a release removes break its start.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from ministack.services import cloudwatch  # type: ignore[import-untyped]

_SECONDS = 60.0


def drop_old_metrics_seldom(clock: Callable[[], float] = time.time) -> None:
    """Patch this process's emulator to drop old metrics once a minute."""
    cloudwatch._evict_old_metrics = _AtMostOnceAMinute(cloudwatch._evict_old_metrics, clock)


class _AtMostOnceAMinute:
    """Call a function at most once a minute."""

    def __init__(self, work: Callable[[], None], clock: Callable[[], float]):
        self._work, self._clock = work, clock
        self._done_at = -math.inf

    def __call__(self) -> None:
        now = self._clock()
        if not 0 <= now - self._done_at < _SECONDS:
            self._work()
            self._done_at = now
