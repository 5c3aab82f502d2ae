"""Differences between cells, each with an interval and a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import combinations

from stresswatch.evaluation.prediction_powered import Difference, RateEstimate, differences
from stresswatch.rates.cells import Rate

COMPARED_COMMUNITIES = 5
"""The largest ones of a period: each further one widens all intervals."""


@dataclass(frozen=True)
class Comparison:
    """The difference between the rates of two cells."""

    first: Rate
    second: Rate
    difference: Difference

    @property
    def is_significant(self) -> bool:
        return self.difference.is_told_from_chance

    def __str__(self) -> str:
        return f"{self._cells()} {self._finding()}"

    def _cells(self) -> str:
        if self.first.source == self.second.source:
            return f"{self.second.start} to {self.first.start}:"
        return f"{self.first.start}, {self.first.source} compared with {self.second.source}:"

    def _finding(self) -> str:
        found = self.difference
        if not self.is_significant:
            low, high = points(found.low), points(found.high)
            return f"not significant: {low} to {high} points"
        is_rise = found.value > 0
        sizes = sorted((abs(found.low), abs(found.high)))
        if self.first.source == self.second.source:
            verb = "rose by" if is_rise else "fell by"
        else:
            verb = "higher by" if is_rise else "lower by"
        return f"{verb} {points(abs(found.value))} points, {points(sizes[0])} to {points(sizes[1])}"


def between_periods(rates: Iterable[Rate]) -> list[Comparison]:
    """Compare each period with the one right before it, within a community.

    All intervals hold together with 95 % confidence.
    """
    known = {rate.cell: rate for rate in rates}
    earlier = {
        cell: known.get(cell._replace(start=cell.start - timedelta(days=cell.period.days)))
        for cell in known
    }
    return _compared([(known[cell], one) for cell, one in earlier.items() if one])


def between_communities(rates: Iterable[Rate]) -> list[Comparison]:
    """Compare the largest communities of the newest period in which two have a corrected rate.

    All intervals hold together with 95 % confidence.
    """
    by_start: dict[date, list[Rate]] = {}
    for rate in rates:
        if rate.source is not None and rate.estimate:
            by_start.setdefault(rate.start, []).append(rate)
    of_many = [start for start, found in by_start.items() if len(found) > 1]
    if not of_many:
        return []
    newest = by_start[max(of_many)]
    largest = sorted(newest, key=lambda rate: (-(rate.posts or 0), rate.source or ""))
    return _compared(list(combinations(largest[:COMPARED_COMMUNITIES], 2)))


def points(value: float) -> str:
    """Write a difference of shares in points, with the sign of mathematics."""
    return f"{100 * value:.1f}".replace("-0.0", "0.0").replace("-", "\N{MINUS SIGN}")


def _compared(pairs: Sequence[tuple[Rate, Rate]]) -> list[Comparison]:
    estimates: dict[str, tuple[RateEstimate, RateEstimate]] = {}
    compared: dict[str, tuple[Rate, Rate]] = {}
    for place, pair in enumerate(pairs):
        first, second = pair[0].estimate, pair[1].estimate
        if first and second:
            estimates[str(place)] = (first, second)
            compared[str(place)] = pair
    found = differences(estimates)
    return [Comparison(*compared[place], difference) for place, difference in found.items()]
