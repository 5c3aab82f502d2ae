"""An accelerated clock, to simulate days on a local stack in seconds.

The system's clock stays unchanged. For processes with `environment`, libfaketime adds an offset,
which it reads from a file each time. A write to this file moves the whole stack at once: emulator,
functions, pollers, alarms, and the simulation itself.

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
"""The `sitecustomize` folder for each Python process."""
_OFFSETS = "FAKETIME_TIMESTAMP_FILE"
_PLACES = (
    "/usr/lib/*-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
    "/usr/lib64/faketime/libfaketimeMT.so.1",
)


def environment(offsets: Path) -> dict[str, str]:
    """Return the environment of a process with the accelerated clock.

    Raises
    ------
    LocalStackError
        When libfaketime is not installed.
    """
    return {
        "LD_PRELOAD": str(library()),
        _OFFSETS: str(offsets.resolve()),
        "FAKETIME_NO_CACHE": "1",
        # Waits take their real time.
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        # Otherwise it wakes up repeatedly in each wait, which takes more time than all the work.
        "FAKETIME_FORCE_MONOTONIC_FIX": "0",
        "PYTHONPATH": str(_PYTHON),
    }


def library(places: Iterable[str] = _PLACES) -> Path:
    """Return the first path where libfaketime exists.

    Raises
    ------
    LocalStackError
    """
    for place in places:
        for found in Path("/").glob(place.removeprefix("/")):
            return found
    raise LocalStackError(
        "The accelerated clock needs libfaketime, which is not installed; "
        "on Debian and Ubuntu, `apt-get install faketime`."
    )


def is_accelerated() -> bool:
    """Return whether this process has the accelerated clock."""
    return _OFFSETS in os.environ


def set_offset(offsets: Path, offset: timedelta) -> None:
    """Set the clock's offset from the system's time, for all following reads."""
    written = offsets.with_name(f"{offsets.name}.new")
    written.write_text(f"{offset.total_seconds():+.3f}")
    written.replace(offsets)


def offset(offsets: Path) -> timedelta:
    """Return the accelerated clock's offset from the system's."""
    return timedelta(seconds=float(offsets.read_text()))
