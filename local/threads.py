"""Threads that work until they are told to stop."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError

from local.activity import Activity

log = logging.getLogger(__name__)

_PAUSE_AFTER_REFUSAL = 1.0


class Threads:
    """Threads that stop together: when one breaks, `stopping` is set for all of them.

    Parameters
    ----------
    activity
        Lengthens the pauses of repeated work while nothing happens; without it they stay the same.
    pause_after_refusal
        Seconds to wait after a refused call.
    """

    def __init__(
        self,
        activity: Activity | None = None,
        pause_after_refusal: float = _PAUSE_AFTER_REFUSAL,
    ) -> None:
        self._activity = activity
        self._pause_after_refusal = pause_after_refusal
        self.stopping = threading.Event()
        self.failure: Exception | None = None
        self._threads: list[threading.Thread] = []

    def start(self, name: str, work: Callable[[], None]) -> None:
        """Run the work in a thread of its own."""

        def run() -> None:
            try:
                work()
            except Exception as error:
                log.exception("%s broke", name)
                self.failure = self.failure or error
                self._end()

        thread = threading.Thread(target=run, name=name, daemon=True)
        self._threads = [other for other in self._threads if other.is_alive()] + [thread]
        thread.start()

    def repeat(self, name: str, interval: float, work: Callable[[], None]) -> None:
        """Do the work again and again, with a pause between; refusals do not end it."""

        def loop() -> None:
            while not self.stopping.is_set():
                self.attempt(name, work)
                self.pause(interval)

        self.start(name, loop)

    def pause(self, seconds: float) -> None:
        """Wait so many seconds; while nothing happens, for longer, but only until something does.

        Being told to stop ends it.
        """
        if self._activity is None or not self._activity.wait_while_quiet():
            self.stopping.wait(seconds)

    def attempt(self, name: str, work: Callable[[], None]) -> None:
        """Do the work once. AWS services try again when a call fails, and so do we, after a pause.

        What failed is done by the next attempt; the log tells of it.
        """
        try:
            work()
        except (BotoCoreError, ClientError) as error:
            if not self.stopping.is_set():
                log.warning("%s: %s", name, error)
                self.stopping.wait(self._pause_after_refusal)

    def stop(self, seconds: float) -> None:
        """Tell every thread to stop, and wait for them so long."""
        self._end()
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _end(self) -> None:
        self.stopping.set()
        if self._activity:
            self._activity.notice()
