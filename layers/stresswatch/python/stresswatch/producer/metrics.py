"""What a producer tells of its work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Request(NamedTuple):
    """One answered request, as the hook `on_request` is told of it."""

    taken: int
    refused: int
    taken_bytes: int


@dataclass(frozen=True)
class Metrics:
    """What a producer has done so far.

    Attributes
    ----------
    put, taken, failed, cancelled, waiting : int
        Records: all that were put are in one of the four others.
    refused : int
        How often the stream refused a record, which was then sent again or failed.
    requests : int
        Requests that were answered.
    taken_bytes, waiting_bytes : int
        Data and partition keys.
    latency_median_seconds, latency_highest_seconds : float or None
        From put to taken, of the oldest record of each of the last 1,000 requests.
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
