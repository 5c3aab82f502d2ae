"""The predictor's handler in this process, without its threads and its log."""

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
    """Run the work at once: the order of threads is not part of a seed."""

    def __init__(self, *_: object):
        pass

    def map(self, fn: Any, *iterables: Any, **_: Any) -> Iterator[Any]:
        return map(fn, *iterables)


@contextlib.contextmanager
def without_threads() -> Iterator[None]:
    """Make the function run sequentially."""
    with patch.object(quarantine, "ThreadPoolExecutor", _InlineExecutor):
        yield


@contextlib.contextmanager
def quiet() -> Iterator[Any]:
    """Capture the function's log as a file-like object."""
    with contextlib.ExitStack() as stack:
        log = stack.enter_context(tempfile.TemporaryFile("w+"))
        stack.enter_context(contextlib.redirect_stdout(log))
        for handler in predictor_module.logger.handlers:
            # Without setStream, which flushes the former stream, possibly closed by its owner.
            stack.enter_context(patch.object(handler, "stream", log))
        yield log
