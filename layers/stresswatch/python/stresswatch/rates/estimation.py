"""From counts of all posts and labels of drawn ones to the rate of each cell.

`prediction_powered` has the formulas. Annotators label fewer posts than were drawn, in an order
that the draw decides, so those with a label are a random part of the drawn ones: how likely a
post was to be labelled is how likely it was to be drawn, times the share of its day's drawn posts
that are labelled (weighting by response: Särndal, Swensson and Wretman, "Model assisted survey
sampling", 1992, section 15.6).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np

from stresswatch.evaluation.prediction_powered import RateEstimate, Sample, estimate_rate
from stresswatch.rates.cells import Cell, Period, Rate, RateMethod
from stresswatch.rates.suppression import suppressed
from stresswatch.settled.summaries import Counts


class LabelledDraw(NamedTuple):
    """A post that was drawn for labelling, and has a label.

    Attributes
    ----------
    day : date
        Under which it is settled, in UTC, as it is counted there.
    probability : float
        What the model that served said of it.
    inclusion_probability : float
        How likely it was to be drawn.
    """

    day: date
    source: str | None
    post_id: str
    label: int
    probability: float
    inclusion_probability: float


@dataclass
class _Tally:
    """What adds up to a cell."""

    posts: int = 0
    positive: int = 0
    probability_sum: float = 0.0
    drawable: int = 0
    drawn: int = 0
    represented: int = 0
    represented_probability_sum: float = 0.0
    model_versions: set[str] = field(default_factory=set)
    draws: list[LabelledDraw] = field(default_factory=list)

    def count(self, counts: Counts, *, is_labelled: bool) -> None:
        """Count posts of a day; whether any of the day has a label decides who stands for them."""
        self.posts += counts.posts
        self.positive += counts.positive
        self.probability_sum += counts.probability_sum
        self.drawable += counts.drawable
        self.drawn += counts.drawn
        self.model_versions.add(counts.model_version)
        if is_labelled:
            self.represented += counts.drawable
            self.represented_probability_sum += counts.drawable_probability_sum


def estimate_rates(
    counts: Mapping[date, Sequence[Counts]],
    draws: Iterable[LabelledDraw],
    spans: Iterable[tuple[Period, date]],
    minimum_posts: int,
) -> list[Rate]:
    """Return the rate of each period and community with posts, and of all communities together.

    Parameters
    ----------
    counts
        Of each day, all posts by model version and source.
    draws
        The labelled ones of these days, in any order.
    spans
        The periods, by their first days.
    minimum_posts
        Below as many, a cell is suppressed.
    """
    by_day: dict[date, list[LabelledDraw]] = {}
    for draw in sorted(draws, key=_by_place):
        by_day.setdefault(draw.day, []).append(draw)
    response = {
        day: min(1.0, len(found) / sum(one.drawn for one in counts[day]))
        for day, found in by_day.items()
        if any(one.drawn for one in counts.get(day, ()))
    }
    tallies: dict[Cell, _Tally] = {}
    for period, start in spans:
        for day in (start + timedelta(days=number) for number in range(period.days)):
            for one in counts.get(day, ()):
                for source in {None, one.source}:
                    tally = tallies.setdefault(Cell(period, start, source), _Tally())
                    tally.count(one, is_labelled=day in response)
            for draw in by_day.get(day, ()):
                for source in {None, draw.source}:
                    if cell := tallies.get(Cell(period, start, source)):
                        cell.draws.append(draw)
    hidden = suppressed({cell: tally.posts for cell, tally in tallies.items()}, minimum_posts)
    return [
        Rate(*cell, RateMethod.SUPPRESSED) if cell in hidden else _rate(cell, tally, response)
        for cell, tally in sorted(tallies.items(), key=lambda item: _order(item[0]))
    ]


def _rate(cell: Cell, tally: _Tally, response: Mapping[date, float]) -> Rate:
    draws = [draw for draw in tally.draws if draw.day in response]
    estimate = _estimate(tally, draws, response)
    return Rate(
        *cell,
        RateMethod(estimate.method) if estimate else RateMethod.NOT_CORRECTED,
        posts=tally.posts,
        called_rate=tally.positive / tally.posts,
        mean_probability=tally.probability_sum / tally.posts,
        drawable=tally.drawable,
        drawn=tally.drawn,
        labelled=len(draws),
        represented=tally.represented,
        corrected_rate=estimate.rate if estimate else None,
        low=estimate.low if estimate else None,
        high=estimate.high if estimate else None,
        variance=estimate.variance if estimate else None,
        tuning=estimate.tuning if estimate else None,
        model_versions=",".join(sorted(tally.model_versions)),
    )


def _estimate(
    tally: _Tally, draws: Sequence[LabelledDraw], response: Mapping[date, float]
) -> RateEstimate | None:
    if not draws:  # then no post may be represented, and there is no mean
        return None
    sample = Sample(
        labels=np.array([float(draw.label) for draw in draws]),
        predictions=np.array([draw.probability for draw in draws]),
        inclusion=np.array([draw.inclusion_probability * response[draw.day] for draw in draws]),
        clusters=np.array([draw.post_id for draw in draws]),
    )
    mean = tally.represented_probability_sum / tally.represented
    return estimate_rate(mean, tally.represented, sample)


def _order(cell: Cell) -> tuple[date, Period, bool, str]:
    """Sort by the first day, and all communities together before each."""
    return cell.start, cell.period, cell.source is not None, cell.source or ""


def _by_place(draw: LabelledDraw) -> tuple[date, str, str, float, int]:
    """Sort so that sums are the same whatever order the rows came in."""
    return draw.day, draw.source or "", draw.post_id, draw.probability, draw.label
