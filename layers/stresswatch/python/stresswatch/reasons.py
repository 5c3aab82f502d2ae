"""Why a post got its probability: what moved the log-odds, and by how much.

The model is linear in its features, so a feature's share in the log-odds is its value times its
coefficient, and the shares and the intercept add up to the log-odds exactly: there is nothing to
approximate. A feature is a term (a token or a pair of tokens), a lexicon category, or a number;
a number that the post lacks stands for what the text let expect of it.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise
from operator import mul
from typing import NamedTuple

from stresswatch.artefact import FARTHEST, SHARE_PRIOR, TOKEN_PATTERN, Artefact, normalise
from stresswatch.posts import NUMERIC_FEATURES

MOST_REASONS = 8
"""How many features a prediction names; the others are added up."""

_find_tokens = re.compile(TOKEN_PATTERN).findall


class Explains(StrEnum):
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
        """Give the field ``reasons`` of a prediction."""
        features = [reason._asdict() for reason in self.features]
        return json.dumps(self._asdict() | {"features": features})


class Explainer:
    """Explains the predictions of one model."""

    def __init__(self, artefact: Artefact):
        self._artefact = artefact
        words = artefact.words
        self._terms = {
            words[first] if second < 0 else f"{words[first]} {words[second]}": place
            for place, (first, second) in enumerate(
                zip(artefact.first.tolist(), artefact.second.tolist(), strict=True)
            )
        }
        self._entries = defaultdict(list)
        for word, category, value in zip(
            artefact.entry_word.tolist(),
            artefact.entry_category.tolist(),
            artefact.entry_value.tolist(),
            strict=True,
        ):
            self._entries[words[word]].append((category, value))

    def explain(self, text: str, numbers: Sequence[float]) -> Reasons:
        """Give the reasons for what `Artefact.score` says of a post.

        Parameters
        ----------
        numbers : sequence of float
            One for each of `NUMERIC_FEATURES`, in that order; NaN where the post has none.
        """
        tokens = _find_tokens(normalise(text))
        shares = self._shares(tokens)
        reasons = [*self._of_terms(tokens), *self._of_shares(shares)]
        reasons += self._of_numbers(numbers, shares)
        reasons.sort(key=lambda reason: (-abs(reason.log_odds), reason.kind, reason.feature))
        named = tuple(reason for reason in reasons[:MOST_REASONS] if reason.log_odds)
        rest = math.fsum(reason.log_odds for reason in reasons[MOST_REASONS:])
        return Reasons(self._artefact.intercept, named, rest)

    def _of_terms(self, tokens: list[str]) -> list[Reason]:
        model = self._artefact
        counts = Counter(tokens)
        counts.update(f"{first} {second}" for first, second in pairwise(tokens))
        values = {
            term: (1.0 + math.log(count)) * model.idf[self._terms[term]]
            for term, count in counts.items()
            if term in self._terms
        }
        norm = math.hypot(*values.values())
        return [
            Reason("term", term, float(value / norm * model.weight[self._terms[term]]))
            for term, value in values.items()
        ]

    def _shares(self, tokens: list[str]) -> list[float]:
        totals = [0.0] * len(self._artefact.categories)
        for token in tokens:
            for category, value in self._entries.get(token, ()):
                totals[category] += value
        return [total / (len(tokens) + SHARE_PRIOR) for total in totals]

    def _of_shares(self, shares: list[float]) -> list[Reason]:
        model = self._artefact
        found = zip(
            model.categories,
            shares,
            model.share_mean.tolist(),
            model.share_scale.tolist(),
            model.share_weight.tolist(),
            strict=True,
        )
        return [
            Reason("lexicon", name, _cut((share - mean) / scale) * weight)
            for name, share, mean, scale, weight in found
        ]

    def _of_numbers(self, numbers: Sequence[float], shares: list[float]) -> list[Reason]:
        model = self._artefact
        reasons = []
        for place, (name, number) in enumerate(zip(NUMERIC_FEATURES, numbers, strict=True)):
            kind, value = "number", number
            if math.isnan(number):
                slopes = model.expected_slope[:, place].tolist()
                kind = "expected_number"
                value = model.expected_base[place] + sum(map(mul, slopes, shares))
            standardised = (value - model.mean[place]) / model.scale[place]
            share = _cut(standardised) * model.number_weight[place]
            reasons.append(Reason(kind, name, float(share)))
        return reasons


explainer_of = lru_cache(maxsize=1)(Explainer)
"""The explainer of an artefact: made when a post first asks for reasons, and kept."""


def _cut(standardised: float) -> float:
    return max(-FARTHEST, min(FARTHEST, standardised))
