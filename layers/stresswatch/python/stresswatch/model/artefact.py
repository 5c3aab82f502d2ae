r"""The serving artefact: a fitted pipeline as plain arrays, scored with numpy alone.

It computes a logistic regression over standardised lexicon shares, numeric features and terms.
Terms are weighted like in scikit-learn's ``TfidfVectorizer`` over tokens and pairs of tokens (lower
case, sublinear term frequency, smoothed idf, l2 norm):

.. math:: z = b + \sum_t \frac{x_t}{\lVert x \rVert} w_t
   + \sum_c \kappa\Big(\frac{s_c - m_c}{d_c}\Big) u_c
   + \sum_f \kappa\Big(\frac{n_f - m_f}{d_f}\Big) v_f, \quad p = 1 / (1 + e^{-z})

with :math:`x_t = (1 + \ln \mathrm{tf}_t)\,\mathrm{idf}_t`, the share :math:`s_c` of lexicon
category `c` in the text, and :math:`\kappa` clipping at `FARTHEST` standard deviations. A missing
feature is imputed from the shares: :math:`n_f = a_f + \sum_c r_{cf} s_c`.

An artefact is data, not code: reading one can fail, but never runs code.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import ClassVar

import numpy as np

from stresswatch.contracts.reasons import Reasons
from stresswatch.model.arithmetic import (
    SHARE_PRIOR,
    FloatArray,
    IntArray,
    log_odds,
    row_sums,
    sigmoid,
)
from stresswatch.model.artefact_file import SHAPES, CorruptArtefact, read, write
from stresswatch.model.explainer import Explainer
from stresswatch.model.scorer import ScorerKind, Scores
from stresswatch.model.token_lookup import IdArray, PairTable, TokenIds
from stresswatch.text.normalisation import MAXIMUM_TEXT_LENGTH, TOKEN_PATTERN, normalise

SENTIMENT_CATEGORY = "polarity"
"""The lexicon category whose share is a text's sentiment."""

_find_tokens = re.compile(TOKEN_PATTERN).findall
# Number of posts whose intermediate results fit into the processor's cache.
_POSTS_AT_ONCE = 2**9
_MOST_TERMS = 2**31 // _POSTS_AT_ONCE


_NO_SCORES = Scores(*[np.empty(0)] * 4)


@dataclass(frozen=True, eq=False)
class Artefact:
    """A fitted model as arrays.

    Attributes
    ----------
    words : tuple of str
        Every token of the terms and the lexicons, in order of the ids below.
    first, second : ndarray of shape (n_terms,)
        Word ids of each term; `second` is -1 for a single token.
    idf, weight : ndarray of shape (n_terms,)
        Inverse document frequency, and coefficient in log-odds, of each term.
    categories : tuple of str
        The names of the lexicons' categories.
    entry_word, entry_category, entry_value : ndarray of shape (n_entries,)
        The lexicons: a word id, in ascending order, a category's index, and the word's weight
        in that category.
    share_mean, share_scale, share_weight : ndarray of shape (n_categories,)
        Centre, divisor and coefficient of each category's share.
    numeric_features : tuple of str
        Names of the model's numeric features, in the order of the arrays below.
    expected_base : ndarray of shape (n_numeric_features,)
    expected_slope : ndarray of shape (n_categories, n_numeric_features)
        Coefficients for imputing a missing feature from a text's shares.
    mean, scale, number_weight : ndarray of shape (n_numeric_features,)
        Centre, divisor and coefficient of each numeric feature; 0 as the coefficient of a
        feature that was not selected.
    intercept : float
    pipeline_sha256 : str
        SHA-256 of the file of a scikit-learn pipeline that scores instead; empty if the arrays
        score.
    predicts : str
        The label and classes that it was trained for; empty if unknown.
    """

    kind: ClassVar[ScorerKind] = ScorerKind.ARRAYS

    words: tuple[str, ...]
    first: IntArray
    second: IntArray
    idf: FloatArray
    weight: FloatArray
    categories: tuple[str, ...]
    entry_word: IntArray
    entry_category: IntArray
    entry_value: FloatArray
    share_mean: FloatArray
    share_scale: FloatArray
    share_weight: FloatArray
    numeric_features: tuple[str, ...]
    expected_base: FloatArray
    expected_slope: FloatArray
    mean: FloatArray
    scale: FloatArray
    number_weight: FloatArray
    intercept: float
    pipeline_sha256: str = ""
    predicts: str = ""

    def __post_init__(self) -> None:
        lengths = {
            "terms": len(self.first),
            "entries": len(self.entry_word),
            "categories": len(self.categories),
            "numbers": len(self.numeric_features),
        }
        for name, dimensions in SHAPES.items():
            array = getattr(self, name)
            expected = tuple(lengths[dimension] for dimension in dimensions)
            if array.shape != expected:
                raise CorruptArtefact(f"{name} has shape {array.shape}, not {expected}")
            if not np.isfinite(array).all():
                raise CorruptArtefact(f"{name} holds a value that is not finite")
        if len(set(self.numeric_features)) < len(self.numeric_features):
            raise CorruptArtefact("a numeric feature is named twice")
        n_words = len(self.words)
        if n_words + len(self.first) >= _MOST_TERMS:
            raise CorruptArtefact(f"there are over {_MOST_TERMS:,} words and terms")
        _require_ids("first", self.first, 0, n_words)
        _require_ids("second", self.second, -1, n_words)
        _require_ids("entry_word", self.entry_word, 0, n_words)
        _require_ids("entry_category", self.entry_category, 0, len(self.categories))
        if (np.diff(self.entry_word) < 0).any():
            raise CorruptArtefact("the lexicon's entries are not in the order of their words")
        if not (self.scale > 0).all() or not (self.share_scale > 0).all():
            raise CorruptArtefact("a scale is not positive")
        if not math.isfinite(self.intercept):
            raise CorruptArtefact("the intercept is not finite")

    def score(self, texts: Sequence[str], numbers: FloatArray) -> Scores:
        """Return the probability of the positive class for each post.

        A post's result depends only on the post, to the last bit: every sum runs in the order of
        the post's own terms.

        Parameters
        ----------
        texts : sequence of str, n_posts long
            Of each, the first `MAXIMUM_TEXT_LENGTH` characters of its normalised form are read.
        numbers : ndarray of shape (n_posts, n_numeric_features)
            In the order of `numeric_features`, NaN for missing values.
        """
        return self.score_normalised([normalise(text) for text in texts], numbers)

    def score_normalised(self, texts: Sequence[str], numbers: FloatArray) -> Scores:
        """Return the scores of texts that are normalised already."""
        slices = [slice(at, at + _POSTS_AT_ONCE) for at in range(0, len(texts), _POSTS_AT_ONCE)]
        scores = [self._score(texts[some], numbers[some]) for some in slices]
        return Scores(*map(np.concatenate, zip(_NO_SCORES, *scores, strict=True)))

    def explain(self, text: str, numbers: Sequence[float]) -> Reasons:
        """Return the explanation of a post's score: see `Explainer`."""
        return self._explainer.explain(text, numbers)

    @cached_property
    def size(self) -> int:
        """Size of the model's file in bytes."""
        return len(self.to_bytes())

    @cached_property
    def _explainer(self) -> Explainer:
        # Created on the first request for an explanation, and cached.
        return Explainer(self)

    def _score(self, texts: Sequence[str], numbers: FloatArray) -> Scores:
        word, n_tokens = self._token_ids.of(texts)
        post = np.repeat(np.arange(len(texts), dtype=np.int32), n_tokens + 1)
        known = np.flatnonzero(word != self._token_ids.unknown)
        known_word, known_post = word.take(known), post.take(known)
        shares = self._shares(known_post, known_word, n_tokens)
        pair_at, pair = self._pairs.find(word[:-1], word[1:])
        owner = np.concatenate([known_post, post.take(pair_at)])
        term = np.concatenate([known_word, pair + len(self.words)])
        z = (
            self.intercept
            + self._term_log_odds(owner, term, len(texts))
            + log_odds(shares, self.share_mean, self.share_scale, self.share_weight)
            + log_odds(self._complete(numbers, shares), self.mean, self.scale, self.number_weight)
        )
        n_known = np.bincount(known_post, minlength=len(texts))
        return Scores(
            probability=np.array([sigmoid(each) for each in z.tolist()], dtype=np.float64),
            out_of_vocabulary=(n_tokens - n_known) / np.maximum(n_tokens, 1),
            sentiment=self._sentiment(shares),
            word_rarity=self._rarity(known_post, known_word, n_known),
        )

    def _sentiment(self, shares: FloatArray) -> FloatArray:
        if SENTIMENT_CATEGORY not in self.categories:
            return np.zeros(len(shares))
        return shares[:, self.categories.index(SENTIMENT_CATEGORY)]

    def _rarity(self, post: IdArray, word: IdArray, n_known: IntArray) -> FloatArray:
        total = np.bincount(post, weights=self._term_idf.take(word), minlength=len(n_known))
        return total / np.maximum(n_known, 1)

    def _term_log_odds(self, post: IdArray, term: IdArray, n_posts: int) -> FloatArray:
        # A 31-bit number for both sorts fastest; `take` is faster than an index in brackets.
        bits = len(self._term_idf).bit_length()
        every = np.sort(post << bits | term)
        begin = np.flatnonzero(np.append(True, every[1:] != every[:-1])[: len(every)])
        count = np.diff(begin, append=len(every))
        distinct = every.take(begin)
        post, term = distinct >> bits, distinct & (1 << bits) - 1
        x = _SUBLINEAR.take(count) * self._term_idf.take(term)
        dot = np.bincount(post, weights=x * self._term_weight.take(term), minlength=n_posts)
        square = np.bincount(post, weights=x * x, minlength=n_posts)
        return dot / np.sqrt(np.where(square > 0, square, 1.0))

    def _shares(self, post: IdArray, word: IdArray, n_tokens: IntArray) -> FloatArray:
        begin, count = (each.take(word) for each in self._entries)
        token = np.repeat(np.arange(len(word)), count)
        ahead = begin - (np.cumsum(count) - count)
        entry = np.arange(len(token)) + ahead.take(token)
        n_posts, n_categories = len(n_tokens), len(self.categories)
        total = np.bincount(
            post.take(token) * n_categories + self.entry_category.take(entry),
            weights=self.entry_value.take(entry),
            minlength=n_posts * n_categories,
        )
        return total.reshape(n_posts, n_categories) / (n_tokens + SHARE_PRIOR)[:, None]

    def _complete(self, numbers: FloatArray, shares: FloatArray) -> FloatArray:
        gaps = np.isnan(numbers)
        if not gaps.any():
            return numbers
        expected = [row_sums(shares * slope) for slope in self.expected_slope.T]
        return np.where(gaps, self.expected_base + np.column_stack(expected), numbers)

    @cached_property
    def _entries(self) -> tuple[IntArray, IntArray]:
        """Return each word's first index in the lexicon entries, and its number of entries."""
        words = np.arange(len(self.words))
        start = np.searchsorted(self.entry_word, words)
        return start, np.searchsorted(self.entry_word, words, side="right") - start

    @cached_property
    def _token_ids(self) -> TokenIds:
        return TokenIds(self.words, _find_tokens)

    @cached_property
    def _pairs(self) -> PairTable:
        pairs = self.second >= 0
        return PairTable(self.first[pairs], self.second[pairs])

    @cached_property
    def _term_idf(self) -> FloatArray:
        return self._by_place(self.idf)

    @cached_property
    def _term_weight(self) -> FloatArray:
        return self._by_place(self.weight)

    def _by_place(self, values: FloatArray) -> FloatArray:
        """Order the terms' values by word, 0 for other words, then by position of pair."""
        alone = self.second < 0
        of_words = np.zeros(len(self.words))
        of_words[self.first[alone]] = values[alone]
        return np.concatenate([of_words, values[~alone][self._pairs.order]])

    def to_bytes(self) -> bytes:
        """Return the artefact's bytes; the same arrays give the same bytes."""
        return write({field.name: getattr(self, field.name) for field in fields(self)})

    @staticmethod
    def from_bytes(data: bytes) -> Artefact:
        """Read an artefact.

        Raises
        ------
        CorruptArtefact
            When the bytes are truncated, too large, or have another format or type.
        """
        return Artefact(**read(data))


# Computed once, with the C library's logarithm, so that a count weighs the same in every batch.
_SUBLINEAR = np.array(
    [0.0] + [1.0 + math.log(count) for count in range(1, MAXIMUM_TEXT_LENGTH + 1)]
)


def _require_ids(name: str, ids: IntArray, lowest: int, end: int) -> None:
    if len(ids) and not lowest <= ids.min() <= ids.max() < end:
        raise CorruptArtefact(f"{name} names a word or category that does not exist")
