"""Drift: how far the posts of a window have moved from those that the champion was measured on.

Evidently compares each of `DRIFT_COLUMNS` by the rules of the stage
(`stresswatch.monitoring.drift_rules`), each by itself: a column that cannot be compared is reported
as failed, and the others stand.

This module alone needs Evidently, and with `drift_page` pandas: both run in the drift function's
image.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from evidently.legacy.calculations.stattests.registry import get_stattest
from evidently.legacy.core import ColumnType

from stresswatch.contracts.posts import NUMERIC_FEATURES
from stresswatch.contracts.predictions import DRIFT_COLUMNS, MISSING_SHARE, PREDICTION_CONFIDENCE
from stresswatch.errors import InvalidInput
from stresswatch.monitoring.drift_rules import ColumnRule, DriftRules

MINIMUM_VALUES = 20
"""A column with fewer values on either side is not compared, and is reported as failed."""


class IncomparableColumn(InvalidInput):
    """A column that cannot be compared, and why."""


@dataclass(frozen=True)
class ColumnDrift:
    """One column's figures and verdict.

    Attributes
    ----------
    test, p_value, significance : str, float, float
        What the test says, and below which p-value a difference is significant.
    distance_name, distance, threshold : str, float, float
        How far the column moved, and from where on a significant difference counts.
    """

    test: str
    p_value: float
    significance: float
    distance_name: str
    distance: float
    threshold: float

    @property
    def is_significant(self) -> bool:
        return self.p_value < self.significance

    @property
    def drifted(self) -> bool:
        return self.is_significant and self.distance >= self.threshold

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"drifted": self.drifted}


@dataclass(frozen=True)
class Drift:
    """The drift of a window.

    Attributes
    ----------
    columns : dict of str to ColumnDrift
        Those that could be compared.
    failed : dict of str to str
        Why others could not.
    absent : tuple of str
        Numeric features of which the reference has no value, as its model was trained without.
        There is nothing to compare, which is no failure: the model does not read such numbers, so
        posts that have them are served as any other.
    removed : tuple of str
        Numeric features of the reference that posts have no more.
    """

    columns: Mapping[str, ColumnDrift]
    failed: Mapping[str, str]
    absent: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    @property
    def drifted(self) -> tuple[str, ...]:
        return tuple(name for name, column in self.columns.items() if column.drifted)

    @property
    def share(self) -> float:
        """Of all columns, those that drifted: one that failed does not make the others weigh more.

        Columns that are absent are none of them. NaN when not a single one could be compared.
        """
        n_columns = len(DRIFT_COLUMNS) - len(self.absent)
        return len(self.drifted) / n_columns if self.columns else math.nan

    def as_dict(self) -> dict[str, Any]:
        return {
            "share": self.share if self.columns else None,
            "columns": {name: column.as_dict() for name, column in self.columns.items()},
            "failed": dict(self.failed),
            "left_out": (*self.absent, *self.removed),
        }


def measure_drift(current: pd.DataFrame, reference: pd.DataFrame, rules: DriftRules) -> Drift:
    """Compare a window's archive rows with the champion's reference.

    Parameters
    ----------
    current, reference : DataFrame with the columns `DRIFT_COLUMNS`
        One row a post. Values that are missing or not finite are left out of a column's
        comparison; a column that is not there has none. The reference is of the features that its
        model was trained for, and the window's rows of those that posts have: what both have is
        compared.
    """
    removed = tuple(str(name) for name in reference if name not in DRIFT_COLUMNS)
    absent = _absent(reference)
    current, reference = numbers(current, absent), numbers(reference, absent)
    columns, failed = {}, {}
    for name in DRIFT_COLUMNS:
        if name in absent:
            continue
        try:
            columns[name] = _compare(
                current[name].dropna(), reference[name].dropna(), rules.of(name), rules.significance
            )
        except Exception as error:
            # Whatever a library raises on odd values; without its message, which may quote them.
            failed[name] = _cause(error)
    return Drift(columns, failed, absent, removed)


def numbers(rows: pd.DataFrame, absent: Sequence[str] = ()) -> pd.DataFrame:
    """Return the columns that drift is measured on, as finite numbers or NaN.

    Features that are `absent` count in no post's share of missing numbers.

    A model that learned nothing of what it now reads is less sure, even where its probabilities'
    mean stays: the difference of confidences (Guillory et al., "Predicting with confidence on
    unseen distributions", ICCV 2021) tells a loss of accuracy without labels.
    """
    found = {
        name: pd.to_numeric(rows[name], errors="coerce") if name in rows else np.nan
        for name in DRIFT_COLUMNS
    }
    table = pd.DataFrame(found, index=rows.index).replace([np.inf, -np.inf], np.nan)
    # The archive holds the numbers themselves: what is missing shows there.
    read = [name for name in NUMERIC_FEATURES if name not in absent]
    missing = table[read].isna().mean(axis=1).fillna(0.0)
    sure = np.maximum(table["probability"], 1 - table["probability"])
    return table.assign(**{PREDICTION_CONFIDENCE: sure, MISSING_SHARE: missing})


def _absent(reference: pd.DataFrame) -> tuple[str, ...]:
    """Return the numeric features that no post of the reference has; an empty one says nothing."""
    if reference.empty:
        return ()
    table = numbers(reference)
    return tuple(name for name in NUMERIC_FEATURES if table[name].isna().all())


def _compare(
    current: pd.Series[float], reference: pd.Series[float], rule: ColumnRule, significance: float
) -> ColumnDrift:
    for side, values in (("window", current), ("reference", reference)):
        if len(values) < MINIMUM_VALUES:
            raise IncomparableColumn(
                f"the {side} has {len(values)} values; there must be {MINIMUM_VALUES}"
            )
    p_value = _score(rule.test, current, reference)
    distance = _score(rule.distance, current, reference)
    return ColumnDrift(rule.test, p_value, significance, rule.distance, distance, rule.threshold)


def _score(method: str, current: pd.Series[float], reference: pd.Series[float]) -> float:
    found = get_stattest(reference, current, ColumnType.Numerical, method)
    with np.errstate(all="ignore"):
        score = float(found(reference, current, ColumnType.Numerical, None).drift_score)
    if not math.isfinite(score):
        raise IncomparableColumn(f"{method} gives {score}")
    return score


def _cause(error: Exception) -> str:
    return str(error) if isinstance(error, IncomparableColumn) else type(error).__name__
