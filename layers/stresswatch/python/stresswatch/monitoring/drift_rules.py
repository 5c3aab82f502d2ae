"""The rules for drift in a feature: a stage's settings for Evidently.

The compared features are `MONITORED_FEATURES`: the model's numeric features, text descriptors and
predictions.

A feature has drifted if both a significance test and a distance say so. The test accounts for the
number of posts, so small samples rarely drift by chance. The distance ignores it, so large samples
do not drift by a tiny difference.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from stresswatch.contracts.predictions import MISSING_SHARE, MONITORED_FEATURES
from stresswatch.errors import InvalidInput

TESTS = ("ks", "mannw", "t_test")
"""Evidently's tests for numbers whose p-value can be small enough for the correction."""
DISTANCES = ("wasserstein", "psi", "jensenshannon", "hellinger")
"""Evidently's distances; Wasserstein's is in reference standard deviations."""


class InvalidDriftRules(InvalidInput):
    """The drift rules cannot be read, or name something unknown."""


@dataclass(frozen=True)
class FeatureRule:
    """The comparison of one feature.

    Attributes
    ----------
    test, distance : str
        One of `TESTS`, and one of `DISTANCES`.
    threshold : float
        The distance from which a significant difference is drift.
    """

    test: str = "ks"
    distance: str = "wasserstein"
    threshold: float = 0.1

    def __post_init__(self) -> None:
        if self.test not in TESTS:
            raise InvalidDriftRules(f"test is {self.test!r}; it must be one of {', '.join(TESTS)}")
        if self.distance not in DISTANCES:
            raise InvalidDriftRules(
                f"distance is {self.distance!r}; it must be one of {', '.join(DISTANCES)}"
            )
        if not 0 < self.threshold < math.inf:
            raise InvalidDriftRules(
                f"threshold is {self.threshold}; it must be above 0, and finite"
            )


@dataclass(frozen=True)
class DriftRules:
    """Rules for comparing the features of a window; docs/drift-detection.md measures the defaults.

    Attributes
    ----------
    error_rate : float
        Largest probability that any feature of a window without drift is reported as drifted,
        shared among the features (Bonferroni).
    usual : FeatureRule
        For every feature without its own rule.
    features : dict of str to FeatureRule
        Rules for single features of `MONITORED_FEATURES`.
    """

    error_rate: float = 0.003
    usual: FeatureRule = field(default_factory=FeatureRule)
    features: Mapping[str, FeatureRule] = field(
        # Mostly 0: use ranks with ties, and a distance that does not divide by the small spread.
        default_factory=lambda: {MISSING_SHARE: FeatureRule("mannw", "jensenshannon")}
    )

    def __post_init__(self) -> None:
        if not 0 < self.error_rate < 1:
            raise InvalidDriftRules(f"error_rate is {self.error_rate}; it must be between 0 and 1")
        unknown = set(self.features) - set(MONITORED_FEATURES)
        if unknown:
            raise InvalidDriftRules(
                f"there is a rule for {', '.join(sorted(unknown))}; "
                f"the features are {', '.join(MONITORED_FEATURES)}"
            )

    @property
    def significance(self) -> float:
        """The p-value below which one feature's difference is significant."""
        return self.error_rate / len(MONITORED_FEATURES)

    def of(self, feature: str) -> FeatureRule:
        """Return a feature's rule."""
        return self.features.get(feature, self.usual)

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)

    @staticmethod
    def from_json(text: str) -> DriftRules:
        """Read what `to_json` wrote.

        Raises
        ------
        InvalidDriftRules
        """
        try:
            values = json.loads(text)
            return DriftRules(
                values["error_rate"],
                _feature_rule(values["usual"]),
                {name: _feature_rule(rule) for name, rule in values["features"].items()},
            )
        except (AttributeError, KeyError, TypeError, json.JSONDecodeError) as error:
            raise InvalidDriftRules(f"the drift rules cannot be read: {error}") from error


def _feature_rule(values: Mapping[str, Any]) -> FeatureRule:
    return FeatureRule(values["test"], values["distance"], values["threshold"])
