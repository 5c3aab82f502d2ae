"""Let the daemon poll rarely while the emulator is idle.

The emulator reports every request except the daemon's own polls (`request_reports`). For some
seconds after a request, the daemon polls at the full rate, because a function's log lines and a
workflow's end follow without a request. Then the stack is quiet: polls are rare, and the next
request ends the wait for them at once.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

_ATTENTIVE_SECONDS = 5.0
_QUIET_SECONDS = 4.0


class Activity:
    """Time of the last activity in the emulator.

    Parameters
    ----------
    attentive_seconds
        Seconds after a request until the stack is quiet.
    quiet_seconds
        Maximum seconds between two polls of a quiet stack.
    clock
        Return seconds of a monotonic clock.
    """

    def __init__(
        self,
        attentive_seconds: float = _ATTENTIVE_SECONDS,
        quiet_seconds: float = _QUIET_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._attentive_seconds = attentive_seconds
        self._quiet_seconds = quiet_seconds
        self._clock = clock
        self._last = clock()
        self._noticed = threading.Condition()

    @property
    def is_attentive(self) -> bool:
        """Return whether there was recent activity."""
        return self._clock() - self._last < self._attentive_seconds

    def notice(self) -> None:
        """Record activity, and end the wait of a quiet stack."""
        with self._noticed:
            self._last = self._clock()
            self._noticed.notify_all()

    def wait_while_quiet(self) -> bool:
        """Wait for activity or the maximum time; return whether the stack was quiet.

        If it was active, return at once.
        """
        with self._noticed:
            if self.is_attentive:
                return False
            self._noticed.wait(self._quiet_seconds)
        return True

    def follow(self, pipe: int) -> None:
        """Record each write to a pipe until its other end is closed; then close it."""
        try:
            while os.read(pipe, 4096):
                self.notice()
        finally:
            os.close(pipe)
