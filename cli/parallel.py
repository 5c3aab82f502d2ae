"""Run a function over many items, several at a time, without keeping all in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

WORKERS = 8
_WAITING = 4 * WORKERS
"""Things that were taken and are not done yet: memory does not grow with their number."""


def in_parallel(do: Callable[[T], R], things: Iterable[T]) -> Iterator[R]:
    """Yield the result of each, in order; after a failure, finish those that have begun first."""
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
