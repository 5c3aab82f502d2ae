"""Judge successive windows with one reference, as for a champion, many at a time.

The verdicts are those of `stresswatch.monitoring.drift` by a stage's default rules. They are
computed on counts of posts instead of one table per window, about a hundred times as fast. The
Kolmogorov-Smirnov p-value is from the limiting distribution, within 3 % of the exact one at the
default significance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial.distance import jensenshannon
from scipy.stats import kstwo, norm

from benchmarks.drift.alarms import REFERENCE_SHARE
from cdk_app.settings.monitoring import Monitoring
from stresswatch.contracts.predictions import MONITORED_FEATURES
from stresswatch.monitoring.drift import MINIMUM_VALUES
from stresswatch.monitoring.drift_rules import DriftRules

_BLOCK = 168
"""Windows to judge at once, which limits memory."""

Floats = NDArray[np.floating[Any]]
Flags = NDArray[np.bool_]


class SuccessiveWindows:
    """Draw a reference and its windows, all with replacement from the same posts.

    An id is drawn with all its segments. The available posts are the population, so the reference
    is a random sample, and all windows of a run share it.

    Parameters
    ----------
    before, after : DataFrame
        `MONITORED_FEATURES` and `post_id`, one row per post, for references and for windows.
    """

    def __init__(self, before: pd.DataFrame, after: pd.DataFrame):
        ids = pd.Index(before["post_id"].unique())
        self._references, self._windows = _Pool(before, ids), _Pool(after, ids)
        self._grids = {
            name: _Grid(before[name].to_numpy(), after[name].to_numpy())
            for name in MONITORED_FEATURES
        }
        self._reference_posts = len(before) * REFERENCE_SHARE

    def run(self, size: int, windows: int, dice: np.random.Generator) -> Flags:
        """Draw a reference and windows of about `size` posts; return which windows drifted."""
        reference = self._references.draw(self._reference_posts, 1, dice)
        blocks = [
            self._judge(reference, self._windows.draw(size, min(_BLOCK, windows - first), dice))
            for first in range(0, windows, _BLOCK)
        ]
        return np.concatenate(blocks)

    def _judge(self, reference: Floats, windows: Floats) -> Flags:
        rules = DriftRules()
        drifted, compared = np.zeros(windows.shape[1]), 0
        for name, grid in self._grids.items():
            sides = grid.compare(reference, windows)
            if not sides.reference_posts:  # the model is trained without it
                continue
            compared += 1
            rule = rules.of(name)
            found = sides.enough & _IS_SIGNIFICANT[rule.test](sides, rules.significance)
            if found.any():
                found[found] = _DISTANCES[rule.distance](sides.only(found)) >= rule.threshold
            drifted += found
        return drifted / compared >= Monitoring().drift_share_threshold


class _Pool:
    """Posts that are drawn by id."""

    def __init__(self, table: pd.DataFrame, ids: pd.Index[str]):
        self._rows = ids.get_indexer(pd.Index(table["post_id"]))
        self._ids = len(ids)

    def draw(self, posts: float, times: int, dice: np.random.Generator) -> Floats:
        """Return the count of each row in each draw of about `size` posts: rows x draws."""
        drawn = dice.integers(self._ids, size=(times, round(posts * self._ids / len(self._rows))))
        drawn += self._ids * np.arange(times)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=self._ids * times)
        return counts.reshape(times, self._ids).T.astype(np.float32)[self._rows]


@dataclass(frozen=True)
class _Sides:
    """A feature's distribution in the reference and in each window.

    Attributes
    ----------
    reference, windows : array
        Shares of the posts up to each value, and those of each window: values x windows.
    reference_posts, window_posts : float, array
        Number of posts with a value.
    gaps : array
        From each value to the next.
    deviation : float
        The standard deviation of the reference.
    """

    reference: Floats
    windows: Floats
    reference_posts: float
    window_posts: Floats
    gaps: Floats
    deviation: float

    @property
    def enough(self) -> Flags:
        return (self.window_posts >= MINIMUM_VALUES) & (self.reference_posts >= MINIMUM_VALUES)

    @property
    def shares(self) -> tuple[Floats, Floats]:
        """Shares of the posts at each value."""
        return (
            np.diff(self.reference, axis=0, prepend=0.0).astype(float),
            np.diff(self.windows, axis=0, prepend=0.0).astype(float),
        )

    def only(self, chosen: Flags) -> _Sides:
        return _Sides(
            self.reference,
            self.windows[:, chosen],
            self.reference_posts,
            self.window_posts[chosen],
            self.gaps,
            self.deviation,
        )


class _Grid:
    """The values of a feature, and the rows with each."""

    def __init__(self, before: Floats, after: Floats):
        sides = (before, after)
        # Missing values are sorted last.
        self._orders = [np.argsort(side)[: np.isfinite(side).sum()] for side in sides]
        known = [side[order] for side, order in zip(sides, self._orders, strict=True)]
        values = np.unique(np.concatenate(known))
        self._until = [np.searchsorted(side, values, "right") for side in known]
        self._gaps = np.diff(values).astype(np.float32)
        self._before = known[0]

    def compare(self, reference: Floats, windows: Floats) -> _Sides:
        (one, (n_reference,)), (many, n_windows) = (
            self._distribution(side, number) for number, side in enumerate((reference, windows))
        )
        weights = reference[self._orders[0], 0].astype(float)
        deviation = 0.0
        if n_reference:
            mean = np.average(self._before, weights=weights)
            deviation = float(np.average((self._before - mean) ** 2, weights=weights) ** 0.5)
        return _Sides(one, many, float(n_reference), n_windows, self._gaps, deviation)

    def _distribution(self, counts: Floats, number: int) -> tuple[Floats, Floats]:
        """Return shares up to each value, and the totals."""
        order = self._orders[number]
        sums = np.zeros((len(order) + 1, counts.shape[1]), np.float32)
        np.cumsum(counts[order], axis=0, out=sums[1:])
        return sums[self._until[number]] / np.maximum(sums[-1], 1), sums[-1]


def _kolmogorov_smirnov(sides: _Sides, significance: float) -> Flags:
    gap = np.abs(sides.windows - sides.reference).max(axis=0, initial=0.0)
    n, m = sides.reference_posts, sides.window_posts
    effective = np.round(n * m / (n + m))
    needed = [_critical_gap(int(one), significance) for one in effective]
    return np.asarray(gap > needed)


@cache
def _critical_gap(posts: int, significance: float) -> float:
    return float(kstwo.isf(significance, posts)) if posts else np.inf


def _mann_whitney(sides: _Sides, significance: float) -> Flags:
    """Test whether the windows' values are larger, as `scipy.stats.mannwhitneyu` does."""
    n, m = sides.reference_posts, sides.window_posts.astype(float)
    reference, windows = sides.shares
    below = np.cumsum(reference, axis=0) - reference / 2
    larger = n * m * (windows * below).sum(axis=0)
    tied = n * reference + m * windows
    total = n + m
    ties = (tied**3 - tied).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.sqrt(n * m / 12 * (total + 1 - ties / (total * (total - 1))))
        return np.asarray(norm.sf((larger - n * m / 2 - 0.5) / spread) < significance)


def _wasserstein(sides: _Sides) -> Floats:
    gaps = np.abs(sides.windows - sides.reference)[:-1]
    return np.asarray(sides.gaps @ gaps / max(sides.deviation, 0.001))


def _jensen_shannon(sides: _Sides) -> Floats:
    """Compare each value's share, as Evidently does with up to 20 distinct values."""
    reference, windows = sides.shares
    return np.asarray(jensenshannon(reference, windows, axis=0))


_IS_SIGNIFICANT: Mapping[str, Callable[[_Sides, float], Flags]] = {
    "ks": _kolmogorov_smirnov,
    "mannw": _mann_whitney,
}
_DISTANCES: Mapping[str, Callable[[_Sides], Floats]] = {
    "wasserstein": _wasserstein,
    "jensenshannon": _jensen_shannon,
}
