"""The number of labels for an interval of a given width, and the posts that wait for one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from rich.console import Console

from cli.console import literal
from cli.tables import fitted
from stresswatch.evaluation.prediction_powered import MINIMUM_LABELS, labels_needed
from stresswatch.rates.cells import Period, Rate, RateMethod
from stresswatch.rates.page import interval, name_of, percent
from stresswatch.storage.label_queue import QueuedPost

_NO_WEEK = (
    f"No week has an estimate yet, so there is no interval to narrow. Label {MINIMUM_LABELS} "
    "sampled posts of one day, and run `stresswatch measure`."
)
_ADVICE = (
    "Only labels of that week's posts narrow its interval. If fewer posts wait than labels are "
    "missing, raise labelling.label_sample_share for future weeks."
)


@dataclass(frozen=True)
class Need:
    """The labels needed to narrow the interval of one community, or of all together.

    Attributes
    ----------
    missing : int or None
        Approximate number of missing labels; None where the rate has no interval.
    waiting : int
        Posts of the same week and community that wait for a label.
    """

    rate: Rate
    missing: int | None
    waiting: int

    def as_dict(self) -> dict[str, Any]:
        return {
            "source": self.rate.source,
            "corrected_rate": self.rate.corrected_rate,
            "low": self.rate.low,
            "high": self.rate.high,
            "labelled": self.rate.labelled,
            "missing": self.missing,
            "waiting": self.waiting,
        }


@dataclass(frozen=True)
class Needs:
    """The labels needed in the newest week with an estimate.

    Attributes
    ----------
    points : float
        The requested width in percentage points.
    week : date or None
        The first day of that week; None where no week has an estimate.
    needs : list of Need
        All communities together first; suppressed ones are left out.
    """

    points: float
    week: date | None
    needs: list[Need]

    def as_dict(self) -> dict[str, Any]:
        return {
            "points": self.points,
            "week": self.week.isoformat() if self.week else None,
            "communities": [need.as_dict() for need in self.needs],
        }

    def show(self, console: Console) -> None:
        """Print a row for each community, or the reason why there is none."""
        if self.week is None:
            console.print(_NO_WEEK, highlight=False)
            return
        numbers = ["corrected", "95 % interval", "labels", "missing", "waiting"]
        table = fitted(
            console,
            f"Labels for an interval of {self.points:g} points, week of {self.week}",
            ["community", *numbers],
            [_cells(need) for need in self.needs],
            numbers=numbers,
            dispensable=["corrected", "labels"],
        )
        console.print(table)
        console.print(_ADVICE, highlight=False)


def needs(points: float, rates: Sequence[Rate], waiting: Sequence[QueuedPost]) -> Needs:
    """Return the labels needed in the newest week of `rates` with an estimate."""
    weeks = [rate for rate in rates if rate.period is Period.WEEK]
    newest = max((rate.start for rate in weeks if rate.estimate), default=None)
    found = [
        Need(rate, _missing(rate, points / 100), sum(_is_of(rate, queued) for queued in waiting))
        for rate in weeks
        if rate.start == newest and rate.method is not RateMethod.SUPPRESSED
    ]
    return Needs(points, newest, found)


def _missing(rate: Rate, width: float) -> int | None:
    estimate = rate.estimate
    if estimate is None or rate.represented is None:
        return None
    return labels_needed(estimate, rate.represented, width) - estimate.labelled


def _is_of(rate: Rate, queued: QueuedPost) -> bool:
    is_in_week = rate.start <= date.fromisoformat(queued.day) < rate.cell.end
    return is_in_week and rate.source in (None, queued.post.source)


def _cells(need: Need) -> list[str]:
    return [
        literal(name_of(need.rate.source)),
        percent(need.rate.corrected_rate),
        interval(need.rate) or "none yet",
        f"{need.rate.labelled:,}",
        "" if need.missing is None else f"{need.missing:,}",
        f"{need.waiting:,}",
    ]
