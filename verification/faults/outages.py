"""The clock, and the random faults."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import TypeVar

from botocore.exceptions import ClientError, ReadTimeoutError

from verification.faults.schedule import OUTAGES, Schedule

T = TypeVar("T")

START = 1_800_000_000.0
TIMEOUT_SECONDS = 60.0
"""Timeout of the function in the template."""
PATIENCE_SECONDS = 30.0
"""Time limit of the predictor's clients: three attempts of ten seconds each."""
SHADOW_PATIENCE_SECONDS = 3.0
"""Time limit of its clients for a challenger: one attempt."""

_CALL_SECONDS = 0.005
_SLOW_SECONDS = (0.5, 45.0)
_LONGEST_REFUSAL_SECONDS = 5.0
_OUTAGE_SECONDS = (60.0, 600.0)


class Killed(BaseException):
    """The execution environment is gone; `except Exception` in the function does not catch it."""


class InjectedOutages:
    """Decide which faults strike, and count them; after the storm, none do.

    Attributes
    ----------
    now : float
        The true time, in seconds since the epoch.
    deadline : float
        When Lambda ends the running invocation.
    calm_from : float
        End of the storm.
    """

    def __init__(self, schedule: Schedule):
        self._rates = schedule.rates
        self._storm_seconds = schedule.storm_seconds
        self.calm_from = START + schedule.storm_seconds
        # The name is part of each seed: the documented numbers depend on it.
        self.chance = random.Random(f"weather {schedule.seed}")  # noqa: S311 - no secret
        self.injected: Counter[str] = Counter()
        self.now = START
        self.deadline = float("inf")
        self._refused_until: dict[str, float] = {}

    def strikes(self, fault: str) -> bool:
        """Return whether the fault strikes now; a refusal lasts for a while."""
        if self.now >= self._refused_until.get(fault, START):
            rate = self._rates.get(fault)
            if not rate or self.now >= self.calm_from or self.chance.random() >= rate:
                return False
            if fault in OUTAGES:
                self._refused_until[fault] = self.now + self.chance.uniform(
                    0, _LONGEST_REFUSAL_SECONDS
                )
        self.injected[fault] += 1
        return True

    def put_out(self, service: str) -> None:
        """Let a service refuse every call for minutes; the storm continues after it."""
        ends = self.now + self.chance.uniform(*_OUTAGE_SECONDS)
        self._refused_until[f"{service} refused"] = ends
        self.calm_from = max(self.calm_from, ends + self._storm_seconds)

    def spend(self, seconds: float) -> None:
        """Advance the time within an invocation."""
        self.now += seconds
        if self.now > self.deadline:
            self.injected["function timed out"] += 1
            self._time_out()

    def call(self, service: str, operation: str, effect: Callable[[], T], patience: float) -> T:
        """Call an AWS service: it may refuse, be slow, or take effect without an answer."""
        self.spend(_CALL_SECONDS)
        if self.strikes(f"{service} refused"):
            raise ClientError({"Error": {"Code": "SlowDown"}}, operation)
        is_killed = self.strikes("function killed")
        if is_killed and self.chance.random() < 0.5:
            raise Killed
        answer = effect()
        if is_killed:
            raise Killed
        if self.strikes("function timed out"):
            self._time_out()
        if self.strikes(f"{service} slow"):
            seconds = self.chance.uniform(*_SLOW_SECONDS)
            self.spend(min(seconds, patience))
            if seconds > patience:
                raise ReadTimeoutError(endpoint_url=service)
        if self.strikes(f"{service} answer lost"):
            raise ReadTimeoutError(endpoint_url=service)
        return answer

    def _time_out(self) -> None:
        self.now = self.deadline
        raise Killed
