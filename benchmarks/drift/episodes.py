"""Measure the drift alarm's false alarm rate and its delay.

Successive windows share a reference, so their verdicts are correlated: a reference that differs by
chance from its population sees drift in many windows. So each start of an alarm is counted on
successive windows, for several choices of M of N windows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.drift.alarms import SIZES, OutOfFold
from benchmarks.drift.shifts import SHIFTS, grade_that_costs
from benchmarks.drift.successive import Flags, SuccessiveWindows
from cdk_app.settings.monitoring import Monitoring
from cli.data import load_posts

Judged = TypeVar("Judged")

RUNS = 1_000
"""Weeks without drift for each size, each with its own reference; a fifth for each shift."""
WEEK, MONTH = 168, 720
"""Windows of an hour in a week."""
WATCHED = 12
"""Maximum windows until an alarm after a shift."""


class AlarmRule(NamedTuple):
    """An alarm fires while `needed` of the last `evaluated` windows drifted."""

    needed: int
    evaluated: int

    def __str__(self) -> str:
        return f"{self.needed} of {self.evaluated}"

    def stands(self, drifted: Flags) -> Flags:
        """Return after which windows it fires: runs x windows, like the verdicts."""
        sums = np.cumsum(np.pad(drifted, ((0, 0), (self.evaluated, 0))), axis=1)
        return np.asarray(sums[:, self.evaluated :] - sums[:, : -self.evaluated] >= self.needed)

    def begins(self, drifted: Flags) -> NDArray[np.int64]:
        """Count its starts in each run."""
        stands = np.pad(self.stands(drifted), ((0, 0), (1, 0)))
        return np.asarray((stands[:, 1:] & ~stands[:, :-1]).sum(axis=1))

    def delays(self, drifted: Flags) -> NDArray[np.float64]:
        """Return the number of windows until it first fires in each run, or infinity."""
        stands = self.stands(drifted)
        return np.where(stands.any(axis=1), stands.argmax(axis=1) + 1.0, np.inf)


RULES = tuple(
    AlarmRule(*rule) for rule in ((1, 1), (2, 2), (2, 3), (3, 3), (3, 4), (4, 4), (4, 5), (5, 6))
)
"""The compared rules; the default is marked if it is among them."""
DEFAULT = AlarmRule(Monitoring().drift_windows_to_alarm, Monitoring().drift_windows_evaluated)


@dataclass(frozen=True)
class FalseAlarms:
    """The rate of false alarms per month, with its standard error."""

    a_month: float
    standard_error: float


@dataclass(frozen=True)
class Detection:
    """The probability and the delay of an alarm after a shift.

    Attributes
    ----------
    at_once, one_more : float
        Share of runs in which it fires after the windows that it needs, and after one more.
    median : float
        Median number of windows until it fires.
    """

    at_once: float
    one_more: float
    median: float


def run(runs: int) -> dict[str, Any]:
    """Simulate weeks without drift, and the first windows after each shift."""
    data = load_posts()
    models = OutOfFold(data.posts)
    table = models.score(data.posts)
    shifts = {}
    for name, shift in SHIFTS.items():
        grade, cost = grade_that_costs(models.f1, data.posts, shift)
        windows = SuccessiveWindows(table, models.score(shift(data.posts, grade)))
        found = {size: simulate(windows, size, max(1, runs // 5), WATCHED) for size in SIZES}
        by_size = {size: _by_rule(detection, drifted) for size, drifted in found.items()}
        shifts[name] = {"grade": grade, "f1_lost": cost, "detection": by_size}
    windows = SuccessiveWindows(table, table)
    return {
        "data": data.name,
        "false_alarms": {
            size: _by_rule(false_alarms, simulate(windows, size, runs, WEEK)) for size in SIZES
        },
        "shifts": shifts,
    }


def simulate(windows: SuccessiveWindows, size: int, runs: int, length: int) -> Flags:
    """Return which windows drifted: runs x windows, each run with its own reference."""
    dice = np.random.default_rng(size)
    return np.array([windows.run(size, length, dice) for _ in range(runs)])


def false_alarms(rule: AlarmRule, drifted: Flags) -> FalseAlarms:
    begins = rule.begins(drifted) * MONTH / drifted.shape[1]
    return FalseAlarms(float(begins.mean()), float(begins.std() / len(begins) ** 0.5))


def detection(rule: AlarmRule, drifted: Flags) -> Detection:
    delays = rule.delays(drifted)
    shares = [float((delays <= rule.needed + more).mean()) for more in (0, 1)]
    return Detection(*shares, float(np.median(delays)))


def show(result: dict[str, Any]) -> None:
    """Print the result as tables."""
    console = Console()
    console.print(result["data"])
    table = _table("False alarms a month, by the windows that an alarm needs", "posts")
    for size, by_rule in result["false_alarms"].items():
        cells = (f"{one.a_month:.2f}\n± {one.standard_error:.2f}" for one in by_rule.values())
        table.add_row(f"{size:,}", *cells)
    console.print(table)
    table = _table(
        "Alarms after a shift: by as many windows as are needed, by one more; median of windows",
        "shift",
        "posts",
    )
    for name, found in result["shifts"].items():
        for size, by_rule in found["detection"].items():
            cells = (
                f"{one.at_once:.0%}, {one.one_more:.0%}\n{one.median:g}" for one in by_rule.values()
            )
            table.add_row(name, f"{size:,}", *cells)
    console.print(table)


def _by_rule(judge: Callable[[AlarmRule, Flags], Judged], drifted: Flags) -> dict[str, Judged]:
    return {str(rule): judge(rule, drifted) for rule in RULES}


def _table(title: str, *facts: str) -> Table:
    table = Table(title=title, title_justify="left")
    for name in facts:
        table.add_column(name, overflow="fold")
    for rule in RULES:
        table.add_column(
            f"{rule}{' *' if rule == DEFAULT else ''}", justify="right", overflow="fold"
        )
    return table
