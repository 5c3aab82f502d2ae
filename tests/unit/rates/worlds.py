"""Posts of days and communities, those that were sampled and labelled, and their counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta

import numpy as np

from stresswatch.rates.cells import Period, Rate, RateMethod
from stresswatch.rates.estimation import LabelledDraw
from stresswatch.settled.summaries import Counts

MONDAY = date(2026, 11, 23)
DAY = Rate(
    Period.DAY,
    MONDAY,
    None,
    RateMethod.PREDICTION_POWERED,
    posts=1_234,
    called_rate=0.46,
    mean_probability=0.47,
    drawable=1_234,
    drawn=100,
    labelled=60,
    represented=1_234,
    corrected_rate=0.4,
    low=0.32,
    high=0.48,
    variance=0.04**2,
    degrees=58.0,
    tuning=0.8,
    model_versions="v1",
)
WEEK = replace(
    DAY,
    period=Period.WEEK,
    posts=8_140,
    drawable=8_140,
    drawn=400,
    labelled=200,
    represented=8_140,
    low=0.37,
    high=0.43,
    variance=0.015**2,
    degrees=198.0,
)
"""Both with a corrected rate."""


@dataclass
class World:
    """Posts that were predicted; `add` adds those of a day.

    Attributes
    ----------
    counts : dict of datetime to list of Counts
    draws : list of LabelledDraw
    """

    seed: int = 0
    counts: dict[datetime, list[Counts]] = field(default_factory=dict)
    draws: list[LabelledDraw] = field(default_factory=list)

    def add(
        self,
        posts: int,
        source: str | None = "ptsd",
        day: date = MONDAY,
        share: float | None = 0.5,
        response: float = 1.0,
        version: str = "v1",
        truth: float = 0.4,
        hour: int = 9,
        *,
        was_labelled: bool = False,
    ) -> None:
        """Add posts of which a share is stressed; a share of None excludes them from sampling."""
        chance = np.random.default_rng([self.seed, len(self.draws), posts])
        labels = (chance.random(posts) < truth).astype(int)
        probabilities = np.clip(0.3 * labels + 0.6 * chance.random(posts), 0, 1)
        lots = chance.random(posts)
        drawn = lots < (share or 0.0)
        first = len(self.draws)
        self.counts.setdefault(at(day, hour), []).append(
            counted(probabilities, source, version, drawn if share else None)
        )
        self.draws += [
            LabelledDraw(
                at(day, hour),
                source,
                f"{day}-{first}-{place}",
                int(label),
                float(probability),
                share or 0.0,
                was_labelled,
            )
            for place, (label, probability, lot) in enumerate(
                zip(labels, probabilities, lots, strict=True)
            )
            if lot < (share or 0.0) * response
        ]


def counted(
    probabilities: np.ndarray,
    source: str | None,
    version: str,
    drawn: np.ndarray | None,
) -> Counts:
    """Count posts as settling does; without a sample, none of them could be sampled."""
    called = probabilities >= 0.5
    is_drawable = drawn is not None
    return Counts(
        model_version=version,
        source=source,
        posts=len(probabilities),
        positive=int(called.sum()),
        probability_sum=float(probabilities.sum()),
        probability_sum_squares=float((probabilities**2).sum()),
        imputed=0,
        drawable=len(probabilities) if is_drawable else 0,
        drawable_probability_sum=float(probabilities.sum()) if is_drawable else 0.0,
        drawn=0 if drawn is None else int(drawn.sum()),
    )


def at(day: date, hour: int = 9) -> datetime:
    """Return the start of an hour."""
    return datetime.combine(day, time(hour), UTC)


def days(number: int, first: date = MONDAY) -> Sequence[date]:
    return [first + timedelta(days=place) for place in range(number)]
