"""Report each request that the emulator has answered to the daemon, as a byte in a pipe.

Requests with the header `endpoint.LOOK_HEADER` are the daemon's own polls, and are not reported.
Like `closed_shards`, this patches the emulator.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from ministack import app as emulator  # type: ignore[import-untyped]

from local.endpoint import LOOK_HEADER

_HEADER = LOOK_HEADER.encode()


def report_requests(pipe: int) -> None:
    """Patch this process's emulator to write to the pipe after each request."""
    # A function's process that outlived this one would keep the pipe open.
    os.set_inheritable(pipe, False)
    os.set_blocking(pipe, False)
    emulator.app = partial(_reporting, emulator.app, pipe)


async def _reporting(
    app: Callable[..., Awaitable[None]], pipe: int, scope: dict[str, Any], receive: Any, send: Any
) -> None:
    try:
        await app(scope, receive, send)
    finally:
        if scope["type"] == "http" and _HEADER not in dict(scope["headers"]):
            # A full pipe suffices as a report; if the daemon is gone, this process ends soon.
            with contextlib.suppress(BlockingIOError, BrokenPipeError):
                os.write(pipe, b".")
