"""Tells the daemon of the requests that the emulator has answered, by a byte each in a pipe.

A request with the header `endpoint.LOOK_HEADER` is one of the daemon's own looks, and is not told.
Like `closed_shards` this changes the emulator from inside.
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
    """Have the emulator of this process write to the pipe after each request."""
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
            # A full pipe tells enough; when the daemon is gone, so is this process in a moment.
            with contextlib.suppress(BlockingIOError, BrokenPipeError):
                os.write(pipe, b".")
