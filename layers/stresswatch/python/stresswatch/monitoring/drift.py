"""Drift: the difference between a window's posts and the champion's evaluation posts.

Evidently compares each of `MONITORED_FEATURES` separately, by the stage's rules
(`stresswatch.monitoring.drift_rules`). A feature that cannot be compared is reported as failed; the
others keep their results.

Only this module needs Evidently, and with `drift_page` pandas: both run in the drift function's
image.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from stresswatch.contracts.posts import NUMERIC_FEATURES
from stresswatch.contracts.predictions import (
    MISSING_SHARE,
    MONITORED_FEATURES,
    PREDICTION_CONFIDENCE,
)
from stresswatch.errors import InvalidInput
from stresswatch.monitoring.drift_rules import DriftRules, FeatureRule
from stresswatch.monitoring.statistical_tests import ColumnType, get_stattest

MINIMUM_VALUES = 20
"""Fewest values on each side for a comparison; with fewer, the feature is reported as failed."""


class IncomparableFeature(InvalidInput):
    """A feature cannot be compared; the message says why."""


@dataclass(frozen=True)
class FeatureDrift:
    """One feature's metrics and verdict.

    Attributes
    ----------
    test, p_value, significance : str, float, float
        The test's result, and the p-value below which a difference is significant.
    distance_name, distance, threshold : str, float, float
        The size of the difference, and the size from which a significant difference is drift.
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
    features : dict of str to FeatureDrift
        The features that were compared.
    failed : dict of str to str
        The reasons why others failed.
    absent : tuple of str
        Numeric features without a value in the reference, because the model was trained without
        them. They are not failures: the model ignores such features, and serves posts that have
        them as usual.
    removed : tuple of str
        Numeric features in the reference that posts no longer have.
    """

    features: Mapping[str, FeatureDrift]
    failed: Mapping[str, str]
    absent: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    @property
    def drifted(self) -> tuple[str, ...]:
        return tuple(name for name, feature in self.features.items() if feature.drifted)

    @property
    def share(self) -> float:
        """Share of drifted features among those compared; a failed one does not affect the others.

        Absent features do not count. NaN if no feature could be compared.
        """
        n_features = len(MONITORED_FEATURES) - len(self.absent)
        return len(self.drifted) / n_features if self.features else math.nan

    def as_dict(self) -> dict[str, Any]:
        return {
            "share": self.share if self.features else None,
            "features": {name: feature.as_dict() for name, feature in self.features.items()},
            "failed": dict(self.failed),
            "left_out": (*self.absent, *self.removed),
        }


def measure_drift(current: pd.DataFrame, reference: pd.DataFrame, rules: DriftRules) -> Drift:
    """Compare a window's archive rows with the champion's reference.

    Parameters
    ----------
    current, reference : DataFrame with the columns `MONITORED_FEATURES`
        One row per post. Missing or infinite values are left out of a feature's comparison; a
        missing column has no values. The reference has the features that its model was trained
        for, the window those that posts have; the common ones are compared.
    """
    removed = tuple(str(name) for name in reference if name not in MONITORED_FEATURES)
    absent = _absent(reference)
    current, reference = numbers(current, absent), numbers(reference, absent)
    features, failed = {}, {}
    for name in MONITORED_FEATURES:
        if name in absent:
            continue
        try:
            features[name] = _compare(
                current[name].dropna(), reference[name].dropna(), rules.of(name), rules.significance
            )
        except Exception as error:
            # Any library error on odd values; without its message, which may quote them.
            failed[name] = _cause(error)
    return Drift(features, failed, absent, removed)


def numbers(rows: pd.DataFrame, absent: Sequence[str] = ()) -> pd.DataFrame:
    """Return the features for drift comparison, as finite numbers or NaN.

    Features in `absent` do not count in a post's share of missing values.

    A model that meets unfamiliar posts is less confident, even if its mean probability stays. The
    difference of confidences (Guillory et al., "Predicting with confidence on unseen
    distributions", ICCV 2021) indicates a loss of accuracy without labels.
    """
    found = {
        name: pd.to_numeric(rows[name], errors="coerce") if name in rows else np.nan
        for name in MONITORED_FEATURES
    }
    table = pd.DataFrame(found, index=rows.index).replace([np.inf, -np.inf], np.nan)
    # The archive has the raw features, where missing values show.
    read = [name for name in NUMERIC_FEATURES if name not in absent]
    missing = table[read].isna().mean(axis=1).fillna(0.0)
    sure = np.maximum(table["probability"], 1 - table["probability"])
    return table.assign(**{PREDICTION_CONFIDENCE: sure, MISSING_SHARE: missing})


def _absent(reference: pd.DataFrame) -> tuple[str, ...]:
    """Return the numeric features without any value in the reference; an empty one has none."""
    if reference.empty:
        return ()
    table = numbers(reference)
    return tuple(name for name in NUMERIC_FEATURES if table[name].isna().all())


def _compare(
    current: pd.Series[float], reference: pd.Series[float], rule: FeatureRule, significance: float
) -> FeatureDrift:
    for side, values in (("window", current), ("reference", reference)):
        if len(values) < MINIMUM_VALUES:
            raise IncomparableFeature(
                f"the {side} has {len(values)} values; at least {MINIMUM_VALUES} are needed"
            )
    p_value = _score(rule.test, current, reference)
    distance = _score(rule.distance, current, reference)
    return FeatureDrift(rule.test, p_value, significance, rule.distance, distance, rule.threshold)


def _score(method: str, current: pd.Series[float], reference: pd.Series[float]) -> float:
    found = get_stattest(reference, current, ColumnType.Numerical, method)
    with np.errstate(all="ignore"):
        score = float(found(reference, current, ColumnType.Numerical, None).drift_score)
    if not math.isfinite(score):
        raise IncomparableFeature(f"{method} gives {score}")
    return score


def _cause(error: Exception) -> str:
    return str(error) if isinstance(error, IncomparableFeature) else type(error).__name__
