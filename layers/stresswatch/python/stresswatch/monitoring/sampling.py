"""A sample of many rows, in the memory of the few that are kept."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import itemgetter
from typing import Any


@dataclass(frozen=True)
class Sample:
    """Rows that stand for all, and how many all are."""

    rows: list[dict[str, Any]]
    posts: int


def sample(rows: Iterable[dict[str, Any]], maximum: int) -> Sample:
    """Keep the `maximum` rows whose `prediction_id` comes first.

    The id is a hash, which knows nothing of the post: these rows are drawn by lot, and the same
    window has the same sample each time.
    """
    posts = 0

    def counted() -> Iterator[dict[str, Any]]:
        nonlocal posts
        for row in rows:
            posts += 1
            yield row

    return Sample(heapq.nsmallest(maximum, counted(), key=itemgetter("prediction_id")), posts)
