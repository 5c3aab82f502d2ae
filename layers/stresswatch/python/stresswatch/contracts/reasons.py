"""Why a post got its probability, as a prediction carries it."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class ReasonsPolicy(StrEnum):
    """Which predictions carry their reasons."""

    NEVER = "never"
    ON_REQUEST = "on_request"
    ALWAYS = "always"


class Reason(NamedTuple):
    """One feature's share in the log-odds: above 0 it spoke for stress, below 0 against it.

    Attributes
    ----------
    kind : str
        ``term``, ``lexicon``, ``number``, or ``expected_number`` where the post lacks it.
    """

    kind: str
    feature: str
    log_odds: float


NOT_AVAILABLE = "not available"


@dataclass(frozen=True)
class NoReasons:
    """Stands where reasons were asked for, and the model cannot say what moved it."""

    def to_json(self) -> str:
        """Return the field ``reasons`` of a prediction."""
        return json.dumps(NOT_AVAILABLE)


class Reasons(NamedTuple):
    """The features that moved a prediction most, strongest first.

    Attributes
    ----------
    rest : float
        The share of every feature that is not named; with `intercept` and those that are, it adds
        up to the log-odds.
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
        """Return the field ``reasons`` of a prediction."""
        features = [reason._asdict() for reason in self.features]
        return json.dumps(self._asdict() | {"features": features})
