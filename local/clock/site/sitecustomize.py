"""Lets `time.sleep` work under libfaketime; Python imports this by its name when it starts.

libfaketime 0.9.10 takes a wait until a moment of the monotonic clock, which is how Python sleeps,
as one until a moment of the clock that it shows, and refuses it.
"""

import threading
import time


def _sleep(seconds: float) -> None:
    threading.Event().wait(seconds)


time.sleep = _sleep  # type: ignore[assignment]
