"""Run a function over many items, several at a time, in constant memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

WORKERS = 8
_WAITING = 4 * WORKERS
"""Maximum number of items in progress, which limits memory."""


def in_parallel(do: Callable[[T], R], things: Iterable[T]) -> Iterator[R]:
    """Yield the results in order; after a failure, first finish the running ones."""
    pool = ThreadPoolExecutor(WORKERS)
    waiting: deque[Future[R]] = deque()
    try:
        for thing in things:
            waiting.append(pool.submit(do, thing))
            if len(waiting) == _WAITING:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
