"""The explanation of a prediction: each feature's effect on the log-odds.

The model is linear, so a feature's share in the log-odds is its value times its coefficient. Shares
and intercept add up to the log-odds exactly, without approximation. A feature is a term (a token or
a pair of tokens), a lexicon category, or a numeric feature, which may be imputed from the text.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import chain, pairwise
from operator import mul
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from stresswatch.contracts.reasons import Reason, Reasons
from stresswatch.model.arithmetic import FARTHEST, SHARE_PRIOR
from stresswatch.text.normalisation import TOKEN_PATTERN, normalise

if TYPE_CHECKING:
    from stresswatch.model.artefact import Artefact

MOST_REASONS = 8
"""Number of features that a prediction names; the others are added up."""

_find_tokens = re.compile(TOKEN_PATTERN).findall


class Explainer:
    """Explains the predictions of one model."""

    def __init__(self, artefact: Artefact):
        words = artefact.words
        # Lists, because reading one array element takes ten times as long.
        self._terms = {
            words[first] if second < 0 else f"{words[first]} {words[second]}": (idf, weight)
            for first, second, idf, weight in _rows(
                artefact.first, artefact.second, artefact.idf, artefact.weight
            )
        }
        self._entries = defaultdict(list)
        for word, category, value in _rows(
            artefact.entry_word, artefact.entry_category, artefact.entry_value
        ):
            self._entries[words[word]].append((category, value))
        self._intercept = artefact.intercept
        self._categories = artefact.categories
        self._share_scales = _rows(artefact.share_mean, artefact.share_scale, artefact.share_weight)
        self._features = artefact.numeric_features
        self._number_scales = _rows(artefact.mean, artefact.scale, artefact.number_weight)
        self._expected = list(
            zip(artefact.expected_base.tolist(), artefact.expected_slope.T.tolist(), strict=True)
        )

    def explain(self, text: str, numbers: Sequence[float]) -> Reasons:
        """Return the explanation of a post's score from `Artefact.score`.

        Parameters
        ----------
        numbers : sequence of float
            One per numeric feature of the artefact, in that order; NaN for missing values.
        """
        tokens = _find_tokens(normalise(text))
        shares = self._shares(tokens)
        reasons = [
            *self._of_terms(tokens),
            *self._of_shares(shares),
            *self._of_numbers(numbers, shares),
        ]
        reasons.sort(key=lambda reason: -abs(reason.log_odds))
        named = tuple(reason for reason in reasons[:MOST_REASONS] if reason.log_odds)
        rest = math.fsum(reason.log_odds for reason in reasons[MOST_REASONS:])
        return Reasons(self._intercept, named, rest)

    def _of_terms(self, tokens: list[str]) -> list[Reason]:
        counts = Counter(chain(tokens, map(" ".join, pairwise(tokens))))
        values = []
        for term in counts.keys() & self._terms.keys():
            idf, weight = self._terms[term]
            values.append((term, (1.0 + math.log(counts[term])) * idf, weight))
        # In alphabetical order, so that the same post has the same sums.
        values.sort()
        norm = math.hypot(*(value for _, value, _ in values))
        return [Reason("term", term, value / norm * weight) for term, value, weight in values]

    def _shares(self, tokens: list[str]) -> list[float]:
        totals = [0.0] * len(self._categories)
        for token in tokens:
            for category, value in self._entries.get(token, ()):
                totals[category] += value
        return [total / (len(tokens) + SHARE_PRIOR) for total in totals]

    def _of_shares(self, shares: list[float]) -> list[Reason]:
        return [
            Reason("lexicon", name, _log_odds(share, *scaling))
            for name, share, scaling in zip(
                self._categories, shares, self._share_scales, strict=True
            )
        ]

    def _of_numbers(self, numbers: Sequence[float], shares: list[float]) -> list[Reason]:
        reasons = []
        for name, number, scaling, (base, slopes) in zip(
            self._features, numbers, self._number_scales, self._expected, strict=True
        ):
            if math.isnan(number):
                expected = base + sum(map(mul, slopes, shares))
                reasons.append(Reason("expected_number", name, _log_odds(expected, *scaling)))
            else:
                reasons.append(Reason("number", name, _log_odds(number, *scaling)))
        return reasons


def _log_odds(value: float, mean: float, scale: float, weight: float) -> float:
    return max(-FARTHEST, min(FARTHEST, (value - mean) / scale)) * weight


def _rows(*columns: NDArray[Any]) -> list[tuple[Any, ...]]:
    return list(zip(*(column.tolist() for column in columns), strict=True))
