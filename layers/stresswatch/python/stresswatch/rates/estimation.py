"""The estimation of each cell's rate from counts of all posts and labels of drawn ones.

`prediction_powered` has the formulas. `response` estimates a drawn post's probability of being
labelled. A label is weighted with the inverse of both probabilities.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

import numpy as np

from stresswatch.evaluation.labelled_sample import Sample
from stresswatch.evaluation.prediction_powered import RateEstimate, estimate_rate
from stresswatch.rates.cells import Cell, Period, Rate, RateMethod
from stresswatch.rates.response import Asked, responses
from stresswatch.rates.suppression import suppressed
from stresswatch.settled.summaries import Counts


class LabelledDraw(NamedTuple):
    """A drawn post with a label.

    Attributes
    ----------
    hour : datetime
        The hour in UTC under which it is settled and counted.
    probability : float
        The active model's probability.
    inclusion_probability : float
        Its probability of being drawn.
    was_labelled : bool
        Whether the label precedes the draw, as for a repeated post: it was not labelled for the
        draw.
    """

    hour: datetime
    source: str | None
    post_id: str
    label: int
    probability: float
    inclusion_probability: float
    was_labelled: bool = False


@dataclass
class _Tally:
    """Counts and sums that add up to a cell."""

    posts: int = 0
    positive: int = 0
    probability_sum: float = 0.0
    drawable: int = 0
    drawn: int = 0
    represented: int = 0
    represented_probability_sum: float = 0.0
    model_versions: set[str] = field(default_factory=set)
    draws: list[LabelledDraw] = field(default_factory=list)

    def count(self, counts: Counts, *, is_represented: bool) -> None:
        """Count an hour's posts, and whether labels represent them."""
        self.posts += counts.posts
        self.positive += counts.positive
        self.probability_sum += counts.probability_sum
        self.drawable += counts.drawable
        self.drawn += counts.drawn
        self.model_versions.add(counts.model_version)
        if is_represented:
            self.represented += counts.drawable
            self.represented_probability_sum += counts.drawable_probability_sum


def estimate_rates(
    counts: Mapping[datetime, Sequence[Counts]],
    draws: Iterable[LabelledDraw],
    spans: Iterable[tuple[Period, date]],
    minimum_posts: int,
) -> list[Rate]:
    """Return the rate for each period and community with posts, and for all communities.

    Parameters
    ----------
    counts
        All posts by model version and source, for each hour by its start in UTC.
    draws
        The labelled ones of these hours, in any order.
    spans
        The periods, by their first days.
    minimum_posts
        Cells with fewer posts are suppressed.
    """
    # Rows of drawn posts may precede their summary.
    counted = {hour for hour, found in counts.items() if any(one.drawn for one in found)}
    by_hour: dict[datetime, list[LabelledDraw]] = {}
    for draw in sorted((draw for draw in draws if draw.hour in counted), key=_by_place):
        by_hour.setdefault(draw.hour, []).append(draw)
    response = responses({hour: _asked(counts[hour], by_hour.get(hour, ())) for hour in counts})
    tallies: dict[Cell, _Tally] = {}
    for period, start in spans:
        for hour in _hours(start, period.days):
            for one in counts.get(hour, ()):
                for source in {None, one.source}:
                    tally = tallies.setdefault(Cell(period, start, source), _Tally())
                    tally.count(one, is_represented=hour in response)
            for draw in by_hour.get(hour, ()) if hour in response else ():
                for source in {None, draw.source}:
                    if cell := tallies.get(Cell(period, start, source)):
                        cell.draws.append(draw)
    hidden = suppressed({cell: tally.posts for cell, tally in tallies.items()}, minimum_posts)
    return [
        Rate(*cell, RateMethod.SUPPRESSED) if cell in hidden else _rate(cell, tally, response)
        for cell, tally in sorted(tallies.items(), key=lambda item: _order(item[0]))
    ]


def _hours(start: date, days: int) -> Iterator[datetime]:
    first = datetime.combine(start, time(), UTC)
    return (first + timedelta(hours=number) for number in range(24 * days))


def _asked(counts: Sequence[Counts], draws: Sequence[LabelledDraw]) -> Asked:
    older = sum(draw.was_labelled for draw in draws)
    drawn = sum(one.drawn for one in counts)
    return Asked(max(0, drawn - older), min(drawn, len(draws)) - min(drawn, older))


def _rate(cell: Cell, tally: _Tally, response: Mapping[datetime, float]) -> Rate:
    estimate = _estimate(tally, response)
    return Rate(
        *cell,
        RateMethod(estimate.method) if estimate else RateMethod.NOT_CORRECTED,
        posts=tally.posts,
        called_rate=tally.positive / tally.posts,
        mean_probability=tally.probability_sum / tally.posts,
        drawable=tally.drawable,
        drawn=tally.drawn,
        labelled=len(tally.draws),
        represented=tally.represented,
        corrected_rate=estimate.rate if estimate else None,
        low=estimate.low if estimate else None,
        high=estimate.high if estimate else None,
        variance=estimate.variance if estimate else None,
        degrees=estimate.degrees if estimate else None,
        tuning=estimate.tuning if estimate else None,
        model_versions=",".join(sorted(tally.model_versions)),
    )


def _estimate(tally: _Tally, response: Mapping[datetime, float]) -> RateEstimate | None:
    draws = tally.draws
    if not (draws and tally.represented):  # without represented posts there is no mean
        return None
    sample = Sample(
        labels=np.array([float(draw.label) for draw in draws]),
        predictions=np.array([draw.probability for draw in draws]),
        inclusion=np.array([_inclusion(draw, response) for draw in draws]),
        clusters=np.array([draw.post_id for draw in draws]),
    )
    mean = tally.represented_probability_sum / tally.represented
    return estimate_rate(mean, sample)


def _inclusion(draw: LabelledDraw, response: Mapping[datetime, float]) -> float:
    """Return a post's probability of being drawn and having a known label."""
    return draw.inclusion_probability * (1.0 if draw.was_labelled else response[draw.hour])


def _order(cell: Cell) -> tuple[date, Period, bool, str]:
    """Sort by first day, with all communities together first."""
    return cell.start, cell.period, cell.source is not None, cell.source or ""


def _by_place(draw: LabelledDraw) -> tuple[datetime, str, str, float, int]:
    """Sort, so that sums do not depend on the order of rows."""
    return draw.hour, draw.source or "", draw.post_id, draw.probability, draw.label
