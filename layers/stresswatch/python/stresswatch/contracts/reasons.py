"""The explanation of a prediction."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class ReasonsPolicy(StrEnum):
    """The predictions that carry an explanation."""

    NEVER = "never"
    ON_REQUEST = "on_request"
    ALWAYS = "always"


class Reason(NamedTuple):
    """One feature's share in the log-odds: above 0 for the positive class, below 0 against it.

    Attributes
    ----------
    kind : str
        ``term``, ``lexicon``, ``number``, or ``expected_number`` for an imputed value.
    """

    kind: str
    feature: str
    log_odds: float


NOT_AVAILABLE = "not available"


@dataclass(frozen=True)
class NoReasons:
    """Replaces a requested explanation that the model cannot give."""

    def to_json(self) -> str:
        """Return the field ``reasons`` for a prediction."""
        return json.dumps(NOT_AVAILABLE)


class Reasons(NamedTuple):
    """The features with the largest effect on a prediction, strongest first.

    Attributes
    ----------
    rest : float
        The total share of all other features. With `intercept` and the named shares it adds up
        to the log-odds.
    """

    intercept: float
    features: tuple[Reason, ...]
    rest: float

    @property
    def log_odds(self) -> float:
        return math.fsum(
            (self.intercept, *(reason.log_odds for reason in self.features), self.rest)
        )

    def to_json(self) -> str:
        """Return the field ``reasons`` for a prediction."""
        features = [reason._asdict() for reason in self.features]
        return json.dumps(self._asdict() | {"features": features})
