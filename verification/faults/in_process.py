"""The predictor's handler in this process: without threads of its own, and without its log."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from concurrent.futures import Executor
from typing import Any
from unittest.mock import patch

from lambdas.predictor import handler as predictor_module
from stresswatch.storage import quarantine


class _InlineExecutor(Executor):
    """Does the work at once: in which order threads run is no business of the seed's."""

    def __init__(self, *_: object):
        pass

    def map(self, fn: Any, *iterables: Any, **_: Any) -> Iterator[Any]:
        return map(fn, *iterables)


@contextlib.contextmanager
def without_threads() -> Iterator[None]:
    """Have the function do one thing after the other."""
    with patch.object(quarantine, "ThreadPoolExecutor", _InlineExecutor):
        yield


@contextlib.contextmanager
def quiet() -> Iterator[Any]:
    """Take what the function writes to its log, and give it as one file-like object."""
    with contextlib.ExitStack() as stack:
        log = stack.enter_context(tempfile.TemporaryFile("w+"))
        stack.enter_context(contextlib.redirect_stdout(log))
        for handler in predictor_module.logger.handlers:
            # Not setStream: it flushes the former stream, which who made it may have closed.
            stack.enter_context(patch.object(handler, "stream", log))
        yield log
