"""A clock that somebody drives, for a local stack that is to see days pass in seconds.

The system's clock goes on as ever; libfaketime shows processes that are started with `environment`
the time of the clock plus an offset, which it reads from a file at every look. So a stack whose
file is written to jumps as one: emulator, functions, pollers, alarms, and whoever drives it.

References
----------
https://github.com/wolfcw/libfaketime
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from local.errors import LocalStackError

_PYTHON = Path(__file__).with_name("site")
"""What each Python process needs beside."""
_OFFSETS = "FAKETIME_TIMESTAMP_FILE"
_PLACES = (
    "/usr/lib/*-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
    "/usr/lib64/faketime/libfaketimeMT.so.1",
)


def environment(offsets: Path) -> dict[str, str]:
    """Return the variables of a process that is to see the driven clock.

    Raises
    ------
    LocalStackError
        When libfaketime is not on this machine.
    """
    return {
        "LD_PRELOAD": str(library()),
        _OFFSETS: str(offsets.resolve()),
        "FAKETIME_NO_CACHE": "1",
        # Waits are to take as long as they say.
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        # Else it wakes in each wait again and again, and takes more time than all the work.
        "FAKETIME_FORCE_MONOTONIC_FIX": "0",
        "PYTHONPATH": str(_PYTHON),
    }


def library(places: Iterable[str] = _PLACES) -> Path:
    """Return the path of libfaketime, the first that is found.

    Raises
    ------
    LocalStackError
    """
    for place in places:
        for found in Path("/").glob(place.removeprefix("/")):
            return found
    raise LocalStackError(
        "A driven clock needs libfaketime, which is not here; "
        "on Debian and Ubuntu, `apt-get install faketime`."
    )


def is_driven() -> bool:
    """Return whether this process sees the driven clock."""
    return _OFFSETS in os.environ


def set_offset(offsets: Path, offset: timedelta) -> None:
    """Drive the clock: from the next look on, it shows the system's time plus the offset."""
    written = offsets.with_name(f"{offsets.name}.new")
    written.write_text(f"{offset.total_seconds():+.3f}")
    written.replace(offsets)


def offset(offsets: Path) -> timedelta:
    """Return how far the driven clock is from the system's."""
    return timedelta(seconds=float(offsets.read_text()))
