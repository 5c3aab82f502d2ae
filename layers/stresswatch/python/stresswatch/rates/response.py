"""The response model: the probability that a drawn post was labelled.

Annotators label fewer posts than were drawn, in an order that the draw decides, and each file has
the posts drawn until then. So labelled posts are a random part of the drawn ones in some hours, and
the hours of a day may differ: there are no labels after the last file. Hours of a day are one class
as long as their labels may be a random part of all drawn posts. Otherwise they are separated. This
is weighting within classes of alike response (Särndal, Swensson and Wretman, "Model assisted survey
sampling", 1992, section 15.6).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from math import log

MINIMUM_LABELS_OF_HOURS = 5
"""Fewest labels for a class; with fewer, its hours are not represented, as weights explode."""
_UNLIKE = 4.0
"""Likelihood ratio from which two runs of hours have separate response probabilities."""
_UNLIKE_WITHOUT_LABELS = 10.0
"""The same if one of them is then not represented; chance causes it on 1 in 100 days."""


@dataclass(frozen=True)
class Asked:
    """An hour's drawn posts without a label before the draw.

    Attributes
    ----------
    posts : int
    labelled : int
        Labelled posts among them.
    """

    posts: int
    labelled: int

    def __add__(self, other: Asked) -> Asked:
        return Asked(self.posts + other.posts, self.labelled + other.labelled)

    @property
    def is_represented(self) -> bool:
        """Whether all are labelled, or enough to represent the others."""
        return self.labelled >= min(self.posts, MINIMUM_LABELS_OF_HOURS)

    @property
    def log_likelihood(self) -> float:
        """The labelled ones, each with the same probability."""
        parts = (self.labelled, self.posts - self.labelled)
        return sum(part * log(part / self.posts) for part in parts if part)


def responses(asked: Mapping[datetime, Asked]) -> dict[datetime, float]:
    """Return the share of labelled posts among the asked ones, for each represented hour.

    Parameters
    ----------
    asked
        By the start of each hour, in UTC.
    """
    by_day: dict[date, list[datetime]] = {}
    for hour in sorted(asked):
        by_day.setdefault(hour.date(), []).append(hour)
    found = {}
    for hours in by_day.values():
        for run in _runs(hours, asked):
            total = _total(run, asked)
            if total.is_represented:
                share = total.labelled / total.posts if total.posts else 1.0
                found.update(dict.fromkeys(run, share))
    return found


def _runs(
    hours: Sequence[datetime], asked: Mapping[datetime, Asked]
) -> Iterator[Sequence[datetime]]:
    """Separate hours where their responses differ most, until no parts differ."""
    whole = _total(hours, asked)
    best, place = 0.0, 0
    for cut in range(1, len(hours)):
        parts = [_total(part, asked) for part in (hours[:cut], hours[cut:])]
        ratio = 2 * (sum(part.log_likelihood for part in parts) - whole.log_likelihood)
        are_represented = all(part.is_represented for part in parts)
        excess = ratio - (_UNLIKE if are_represented else _UNLIKE_WITHOUT_LABELS)
        if excess > best:
            best, place = excess, cut
    if not place:
        yield hours
        return
    yield from _runs(hours[:place], asked)
    yield from _runs(hours[place:], asked)


def _total(hours: Sequence[datetime], asked: Mapping[datetime, Asked]) -> Asked:
    return sum((asked[hour] for hour in hours), Asked(0, 0))
