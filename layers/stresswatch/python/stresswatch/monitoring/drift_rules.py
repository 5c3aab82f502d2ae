"""When a column of a window counts as drifted: what a stage sets, and Evidently does.

Columns are those that are compared, `DRIFT_COLUMNS`: numeric features, measures of the text and of
what the model said of it. A feature is what the model reads.

A column has drifted when a test of significance and a measure of size say so both. The test knows
how many posts there are on either side, so that few of them do not drift by chance; the measure
does not, so that many of them do not drift by a trifle.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from stresswatch.contracts.predictions import DRIFT_COLUMNS, MISSING_SHARE
from stresswatch.errors import InvalidInput

TESTS = ("ks", "mannw", "t_test")
"""Evidently's tests of numbers whose p-value can be as small as a correction asks for."""
DISTANCES = ("wasserstein", "psi", "jensenshannon", "hellinger")
"""Evidently's measures of distance; that of Wasserstein is in reference standard deviations."""


class InvalidDriftRules(InvalidInput):
    """The rules of drift cannot be read, or name what there is not."""


@dataclass(frozen=True)
class ColumnRule:
    """How one column is compared.

    Attributes
    ----------
    test, distance : str
        One of `TESTS`, and one of `DISTANCES`.
    threshold : float
        The distance from which a significant difference counts.
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
        At most how probable it is that a window without drift has any drifted column. It is shared
        out over the columns (Bonferroni).
    usual : ColumnRule
        Of every column without a rule of its own.
    columns : dict of str to ColumnRule
        Rules of single columns of `DRIFT_COLUMNS`.
    """

    error_rate: float = 0.003
    usual: ColumnRule = field(default_factory=ColumnRule)
    columns: Mapping[str, ColumnRule] = field(
        # Mostly 0: ranks with ties, and a measure that does not divide by their small spread.
        default_factory=lambda: {MISSING_SHARE: ColumnRule("mannw", "jensenshannon")}
    )

    def __post_init__(self) -> None:
        if not 0 < self.error_rate < 1:
            raise InvalidDriftRules(f"error_rate is {self.error_rate}; it must be between 0 and 1")
        unknown = set(self.columns) - set(DRIFT_COLUMNS)
        if unknown:
            raise InvalidDriftRules(
                f"there is a rule for {', '.join(sorted(unknown))}; "
                f"the columns are {', '.join(DRIFT_COLUMNS)}"
            )

    @property
    def significance(self) -> float:
        """The p-value below which one column's difference is significant."""
        return self.error_rate / len(DRIFT_COLUMNS)

    def of(self, column: str) -> ColumnRule:
        """Return a column's rule."""
        return self.columns.get(column, self.usual)

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
                _column_rule(values["usual"]),
                {name: _column_rule(rule) for name, rule in values["columns"].items()},
            )
        except (AttributeError, KeyError, TypeError, json.JSONDecodeError) as error:
            raise InvalidDriftRules(f"the rules of drift cannot be read: {error}") from error


def _column_rule(values: Mapping[str, Any]) -> ColumnRule:
    return ColumnRule(values["test"], values["distance"], values["threshold"])
