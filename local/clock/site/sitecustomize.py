"""Make `time.sleep` work under libfaketime; Python imports this module when it starts.

Python sleeps until a time of the monotonic clock. libfaketime 0.9.10 mistakes it for a time of its
own clock, and rejects the wait.
"""

import threading
import time


def _sleep(seconds: float) -> None:
    threading.Event().wait(seconds)


time.sleep = _sleep  # type: ignore[assignment]
