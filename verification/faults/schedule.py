"""The faults of one run: kinds, rates, and end. A seed gives one schedule."""

from __future__ import annotations

import random
from dataclasses import dataclass

CALL_FAULTS = (
    "PutRecords refused",
    "PutRecords partly refused",
    "PutRecords answer lost",
    "PutRecords slow",
    "S3 refused",
    "S3 answer lost",
    "S3 slow",
    "SSM refused",
    "SSM slow",
    "function killed",
    "function timed out",
    "function throttled",
    "environment recycled",
    "answer of the function lost",
    "GetRecords refused",
    "invalid record",
)
"""Each strikes at random, at its own rate, wherever it can."""

OUTAGES = (
    "PutRecords refused",
    "PutRecords partly refused",
    "S3 refused",
    "SSM refused",
    "function throttled",
    "GetRecords refused",
)
"""These last for a while."""

LONG = (*OUTAGES, "function timed out")
"""These take so much time that they must be rarer, to leave time for others."""

EVENT_FAULTS = (
    "mapping restarted",
    "function's clock jumps",
    "mapping's clock jumps",
    "model file corrupt",
    "model file missing",
    "pointer names nothing",
    "pointer unreadable",
    "no champion",
    "promotion",
    "rollback",
    "challenger corrupt",
    "challenger shadows",
    "shard split",
    "shards merged",
    "PutRecords outage",
    "S3 outage",
    "SSM outage",
)
"""Each strikes at some times; a service's outage lasts for minutes."""

SETTLE_FAULTS = (
    "settle killed",
    "settle slow",
    "settled by two at once",
    "settle overtaken",
)
"""Each strikes some settles of a storm; the last follows from the previous two."""

FAULTS = (*CALL_FAULTS, *EVENT_FAULTS, *SETTLE_FAULTS)

_RATES = (0.01, 0.05, 0.2)
_LONG_RATES = (0.002, 0.01, 0.04)
_INVALID_SHARES = (0.02, 0.3)
_STORM_SECONDS = (10.0, 120.0)


@dataclass(frozen=True)
class Event:
    """A fault at one time, in seconds from the start."""

    at: float
    fault: str


@dataclass(frozen=True)
class Schedule:
    """One run.

    Attributes
    ----------
    records : int
        Number of records, evenly over the storm.
    storm_seconds : float
        Time after which faults end, counted from the end of a service's outage.
    rates : dict
        Probability by fault that it strikes where it can.
    batch_size, batching_window, lanes, retries, record_age
        The mapping's settings; the rest are the template's.
    """

    seed: int
    records: int
    storm_seconds: float
    rates: dict[str, float]
    events: tuple[Event, ...]
    shards: int
    environments: int
    batch_size: int
    batching_window: float
    lanes: int
    retries: int | None = None
    record_age: float = 3600.0

    @staticmethod
    def draw(seed: int, records: int) -> Schedule:
        """Draw the schedule of a seed: any combination of faults, from none to all."""
        chance = random.Random(f"schedule {seed}")  # noqa: S311 - no secret
        share = chance.choice((0.1, 0.3, 0.6, 1.0))
        struck = [fault for fault in CALL_FAULTS if chance.random() < share]
        rates = {fault: chance.choice(_LONG_RATES if fault in LONG else _RATES) for fault in struck}
        if "invalid record" in rates:
            rates["invalid record"] = chance.choice(_INVALID_SHARES)
        storm = chance.uniform(*_STORM_SECONDS)
        events = [
            Event(chance.uniform(0, storm), fault)
            for fault in EVENT_FAULTS
            if chance.random() < share
            for _ in range(chance.randint(1, 3))
        ]
        return Schedule(
            seed=seed,
            records=records,
            storm_seconds=storm,
            rates=rates,
            events=tuple(sorted(events, key=lambda event: event.at)),
            shards=chance.randint(1, 3),
            environments=chance.randint(1, 3),
            batch_size=chance.choice((1, 10, 100, 500)),
            batching_window=chance.choice((0.0, 1.0, 5.0)),
            lanes=chance.choice((1, 1, 2, 10)),
        )
