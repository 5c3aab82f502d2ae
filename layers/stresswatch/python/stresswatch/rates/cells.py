"""A cell of the stress rate: a period and a community, with its estimate and how that was made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import NamedTuple

from stresswatch.evaluation.prediction_powered import Method, RateEstimate


class Period(StrEnum):
    """How long a cell is."""

    DAY = "day"
    """Of UTC."""
    WEEK = "week"
    """Seven days; those of the table are ISO 8601's, which start on Monday."""

    @property
    def days(self) -> int:
        return 7 if self is Period.WEEK else 1


class RateMethod(StrEnum):
    """How a cell's rate was made."""

    PREDICTION_POWERED = Method.PREDICTION_POWERED.value
    LABELS_ALONE = Method.LABELS_ALONE.value
    NOT_CORRECTED = "not_corrected"
    """Too few labels of drawn posts, or too unequal ones: there is the called rate alone."""
    SUPPRESSED = "suppressed"
    """Too few posts, or others could be told from it: there are no figures."""


class Cell(NamedTuple):
    """What a rate is of.

    Attributes
    ----------
    source : str or None
        None for all communities together, also of posts that name none.
    """

    period: Period
    start: date
    source: str | None

    @property
    def end(self) -> date:
        """The day after its last one."""
        return self.start + timedelta(days=self.period.days)


@dataclass(frozen=True)
class Rate:
    """One row of the table `stress_rate`.

    Where it is suppressed, all but the first four are None; where it is not corrected, those from
    `corrected_rate` to `tuning` are.

    Attributes
    ----------
    called_rate : float
        Share of the posts that the model called positive.
    mean_probability : float
        Of the model, over the posts.
    drawable, drawn, labelled : int
        Posts that could be drawn for labelling, those that were drawn, and those of them with a
        label.
    represented : int
        The posts that the corrected rate is the rate of: drawable ones, of hours whose drawn posts
        are all labelled, or enough of them.
    corrected_rate, low, high, variance, degrees, tuning : float
        As in `RateEstimate`.
    model_versions : str
        Those that predicted the posts, in order, with commas.
    """

    period: Period
    start: date
    source: str | None
    method: RateMethod
    posts: int | None = None
    called_rate: float | None = None
    mean_probability: float | None = None
    drawable: int | None = None
    drawn: int | None = None
    labelled: int | None = None
    represented: int | None = None
    corrected_rate: float | None = None
    low: float | None = None
    high: float | None = None
    variance: float | None = None
    degrees: float | None = None
    tuning: float | None = None
    model_versions: str | None = None

    @property
    def cell(self) -> Cell:
        return Cell(self.period, self.start, self.source)

    @property
    def estimate(self) -> RateEstimate | None:
        """The corrected rate, where there is one."""
        if (
            self.corrected_rate is None
            or self.low is None
            or self.high is None
            or self.variance is None
            or self.degrees is None
            or self.tuning is None
            or self.labelled is None
        ):
            return None
        return RateEstimate(
            self.corrected_rate,
            self.low,
            self.high,
            self.variance,
            self.degrees,
            self.labelled,
            self.tuning,
            Method(self.method),
        )

    @property
    def warning(self) -> str | None:
        """What a reader must know of the cell, in a sentence."""
        if self.method is RateMethod.SUPPRESSED:
            return "Suppressed: too few posts, or another cell could be told from it."
        if self.method is RateMethod.NOT_CORRECTED:
            return "Model only, not corrected: too few labels of drawn posts."
        if self.represented != self.posts:
            return (
                f"The corrected rate is of {self.represented:,} of the {self.posts:,} posts: "
                "those that could be drawn, in hours with enough labels."
            )
        return None


def week_of(day: date) -> date:
    """Return the Monday of a day's week."""
    return day - timedelta(days=day.weekday())
