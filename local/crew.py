"""Threads that work until they are told to stop."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError

log = logging.getLogger(__name__)

_PAUSE_AFTER_REFUSAL = 1.0


class Crew:
    """A set of threads; when one breaks, `stopping` is set, and so ends the work of all."""

    def __init__(self) -> None:
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
                self.stopping.set()

        thread = threading.Thread(target=run, name=name, daemon=True)
        self._threads = [other for other in self._threads if other.is_alive()] + [thread]
        thread.start()

    def repeat(self, name: str, interval: float, work: Callable[[], None]) -> None:
        """Do the work again and again, with so many seconds between; refusals do not end it."""

        def loop() -> None:
            while not self.stopping.is_set():
                self.attempt(name, work)
                self.stopping.wait(interval)

        self.start(name, loop)

    def attempt(self, name: str, work: Callable[[], None]) -> None:
        """Do the work once. AWS services try again when a call fails, and so do we, after a pause.

        What failed is done by the next attempt; the log tells of it.
        """
        try:
            work()
        except (BotoCoreError, ClientError) as error:
            if not self.stopping.is_set():
                log.warning("%s: %s", name, error)
                self.stopping.wait(_PAUSE_AFTER_REFUSAL)

    def stop(self, seconds: float) -> None:
        """Tell every thread to stop, and wait for them so long."""
        self.stopping.set()
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
