"""A cell: a period and a community, with the estimated rate and its method."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import NamedTuple

from stresswatch.evaluation.prediction_powered import Method, RateEstimate


class Period(StrEnum):
    """A cell's length."""

    DAY = "day"
    """Of UTC."""
    WEEK = "week"
    """Seven days; those in the table are ISO 8601 weeks, which start on Monday."""

    @property
    def days(self) -> int:
        return 7 if self is Period.WEEK else 1


class RateMethod(StrEnum):
    """The method behind a cell's rate."""

    PREDICTION_POWERED = Method.PREDICTION_POWERED.value
    LABELS_ALONE = Method.LABELS_ALONE.value
    NOT_CORRECTED = "not_corrected"
    """Too few labels of drawn posts, or too unequal ones: only the called rate is known."""
    SUPPRESSED = "suppressed"
    """Too few posts, or a cell that would reveal others: it has no values."""


class Cell(NamedTuple):
    """A cell's community and period.

    Attributes
    ----------
    source : str or None
        None for all communities together, including posts without one.
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
    """One row of the table `rates`.

    A suppressed row has only the first four values. A row without a correction lacks those from
    `corrected_rate` to `tuning`.

    Attributes
    ----------
    called_rate : float
        Share of posts that the model predicts as positive.
    mean_probability : float
        The model's mean probability over the posts.
    drawable, drawn, labelled : int
        Posts that could be drawn for labelling, drawn ones, and drawn ones with a label.
    represented : int
        The posts that the corrected rate covers: drawable posts from hours whose drawn posts
        are all labelled, or enough of them.
    corrected_rate, low, high, variance, degrees, tuning : float
        As in `RateEstimate`.
    model_versions : str
        The versions that predicted the posts, in order, with commas.
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
        """The corrected rate, if any."""
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
        """Caveats about the cell for readers, in a sentence."""
        if self.method is RateMethod.SUPPRESSED:
            return "Suppressed: too few posts, or it would reveal another cell."
        if self.method is RateMethod.NOT_CORRECTED:
            return "Model only, not corrected: too few labels of drawn posts."
        if self.represented != self.posts:
            return (
                f"The corrected rate covers {self.represented:,} of the {self.posts:,} posts: "
                "those that could be drawn, in hours with enough labels."
            )
        return None


def week_of(day: date) -> date:
    """Return the Monday of a day's week."""
    return day - timedelta(days=day.weekday())
