"""Wait until something has happened."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(what: str, look: Callable[[], T | None], seconds: float = 60.0) -> T:
    """Call a function until its value is neither None nor False, and return the value.

    Calls become rarer, as each takes time from what it waits for. A wait lasts at most 5 % longer.
    """
    start = time.monotonic()
    while (found := look()) is None or found is False:
        waited = time.monotonic() - start
        assert waited < seconds, f"no {what} within {seconds:.0f} s"
        time.sleep(max(0.05, waited / 20))
    return found
