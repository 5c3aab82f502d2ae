"""The load to estimate for, and the items of a bill."""

from __future__ import annotations

from dataclasses import dataclass

from cli.cost.prices import PRICES

DAYS = 30
"""Days per month."""
HOURS = DAYS * 24
_SECONDS_A_DAY = 86_400


@dataclass(frozen=True)
class Load:
    """Posts per day, and the peak-to-average ratio of posts per second."""

    posts_a_day: float
    peak: float = 3.0

    @property
    def posts(self) -> float:
        """Posts a month."""
        return self.posts_a_day * DAYS

    @property
    def a_second(self) -> float:
        return self.posts_a_day / _SECONDS_A_DAY

    @property
    def peak_a_second(self) -> float:
        return self.a_second * self.peak


@dataclass(frozen=True)
class Item:
    """An item of the bill: a quantity at a unit price."""

    service: str
    what: str
    quantity: float
    price: str

    @property
    def dollars(self) -> float:
        return self.quantity * PRICES[self.price].dollars
