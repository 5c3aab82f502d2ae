"""The load that is estimated, and the items of a bill."""

from __future__ import annotations

from dataclasses import dataclass

from cli.cost.prices import PRICES

DAYS = 30
"""Of a month."""
HOURS = DAYS * 24
_SECONDS_A_DAY = 86_400


@dataclass(frozen=True)
class Load:
    """Posts a day, and how many times the mean a second the busiest second brings."""

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
    """An item of the bill: so many units at a price."""

    service: str
    what: str
    quantity: float
    price: str

    @property
    def dollars(self) -> float:
        return self.quantity * PRICES[self.price].dollars
