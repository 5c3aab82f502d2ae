"""A producer's metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Request(NamedTuple):
    """One answered request, as passed to the hook `on_request`."""

    taken: int
    refused: int
    taken_bytes: int


@dataclass(frozen=True)
class Metrics:
    """A producer's metrics so far.

    Attributes
    ----------
    put, taken, failed, cancelled, waiting : int
        Records: `put` is the sum of the other four.
    refused : int
        Number of refusals, after which a record was sent again or failed.
    requests : int
        Number of answered requests.
    taken_bytes, waiting_bytes : int
        Data and partition keys.
    latency_median_seconds, latency_highest_seconds : float or None
        From put to acceptance, for the oldest record in each of the last 1,000 requests.
    """

    put: int
    taken: int
    failed: int
    cancelled: int
    waiting: int
    refused: int
    requests: int
    taken_bytes: int
    waiting_bytes: int
    latency_median_seconds: float | None
    latency_highest_seconds: float | None
