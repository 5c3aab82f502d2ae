"""Lets the daemon look around seldom while nothing happens in the emulator.

The emulator tells the daemon of every request but the daemon's own looks (`request_reports`). For
some seconds after a request everything is looked at as often as ever: a function's log and a
workflow's end come without a request of their own, soon after one. Then the stack is quiet. Looks
are rare, as only time brings anything new, and the next request ends the wait for them at once.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

_ATTENTIVE_SECONDS = 5.0
_QUIET_SECONDS = 4.0


class Activity:
    """When something last happened in the emulator.

    Parameters
    ----------
    attentive_seconds
        For how long after a request the stack is not quiet.
    quiet_seconds
        The longest wait of a quiet stack for the next look.
    clock
        Returns seconds of a clock that never goes back.
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
        """Return whether something happened in the last seconds."""
        return self._clock() - self._last < self._attentive_seconds

    def notice(self) -> None:
        """Note that something happened, and end the wait of a quiet stack."""
        with self._noticed:
            self._last = self._clock()
            self._noticed.notify_all()

    def wait_while_quiet(self) -> bool:
        """Wait until something happens, or for long enough; return whether the stack was quiet.

        Where it was not, return at once.
        """
        with self._noticed:
            if self.is_attentive:
                return False
            self._noticed.wait(self._quiet_seconds)
        return True

    def follow(self, pipe: int) -> None:
        """Notice each write to a pipe until nobody holds its other end, and close it."""
        try:
            while os.read(pipe, 4096):
                self.notice()
        finally:
            os.close(pipe)
