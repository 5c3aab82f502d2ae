"""Threads that work until they are stopped."""

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
    """Threads that stop together: when one fails, `stopping` is set for all.

    Parameters
    ----------
    activity
        Lengthens the pauses of repeated work on a quiet stack; without it, they are constant.
    pause_after_refusal
        Seconds to wait after a failed call.
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
        """Run the work in its own thread."""

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
        """Repeat the work with pauses; failed calls do not end it."""

        def loop() -> None:
            while not self.stopping.is_set():
                self.attempt(name, work)
                self.pause(interval)

        self.start(name, loop)

    def pause(self, seconds: float) -> None:
        """Wait for some seconds; on a quiet stack, wait longer, until there is activity.

        A stop ends the wait.
        """
        if self._activity is None or not self._activity.wait_while_quiet():
            self.stopping.wait(seconds)

    def attempt(self, name: str, work: Callable[[], None]) -> None:
        """Do the work once. After a failed call, wait for a retry, as AWS services do.

        The next attempt repeats the failed work; the log has the error.
        """
        try:
            work()
        except (BotoCoreError, ClientError) as error:
            if not self.stopping.is_set():
                log.warning("%s: %s", name, error)
                self.stopping.wait(self._pause_after_refusal)

    def stop(self, seconds: float) -> None:
        """Stop every thread, and wait for them up to the given time."""
        self._end()
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _end(self) -> None:
        self.stopping.set()
        if self._activity:
            self._activity.notice()
