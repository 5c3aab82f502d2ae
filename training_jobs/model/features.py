"""Post features without a scikit-learn transformer."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from stresswatch.model.arithmetic import SHARE_PRIOR
from stresswatch.text.normalisation import TOKEN_PATTERN, normalise
from training_jobs.model.lexicons import Lexicons

FloatArray = NDArray[np.float64]

RIDGE = 30.0
"""Penalty of the regressions that impute missing values; 3 to 300 made no difference."""


class _Layout:
    """Lexicons as a matrix: the weight of each word, by row, in each category."""

    def __init__(self, lexicons: Lexicons):
        self.lexicons = lexicons
        self.words = tuple(sorted({word for lexicon in lexicons.values() for word in lexicon}))
        row_of = {word: row for row, word in enumerate(self.words)}
        entries = [
            (weight, row_of[word], column)
            for column, lexicon in enumerate(lexicons.values())
            for word, weight in lexicon.items()
            if weight
        ]
        weights, rows, columns = zip(*entries, strict=True)
        self.weights = csr_matrix(
            (weights, (rows, columns)), shape=(len(self.words), len(lexicons)), dtype=np.float64
        )


_latest: list[_Layout] = []
"""The newest layout: a training fits the same lexicons two dozen times."""


def _layout_of(lexicons: Lexicons) -> _Layout:
    if not (_latest and _latest[0].lexicons is lexicons):
        _latest[:] = [_Layout(lexicons)]
    return _latest[0]


class LexiconShares(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    r"""Share of each lexicon's words in a text.

    .. math:: s_c = \frac{1}{n + n_0} \sum_{t} \ell_{c, t}

    over the text's :math:`n` tokens. :math:`\ell_{c, t}` is the weight of token `t` in category
    `c`. :math:`n_0` is `stresswatch.model.arithmetic.SHARE_PRIOR`, which limits the share in a text
    of one word.
    """

    def __init__(self, lexicons: Lexicons):
        self.lexicons = lexicons

    def fit(self, texts: Iterable[str], labels: object = None) -> Self:  # noqa: ARG002 - scikit-learn's
        """Lay the lexicons out as a matrix; nothing is learnt from the texts."""
        layout = _layout_of(self.lexicons)
        self.words_, self.weights_ = layout.words, layout.weights
        return self

    def transform(self, texts: Iterable[str]) -> FloatArray:
        """Return the shares, shape (n_posts, n_categories)."""
        tokenize = CountVectorizer(
            token_pattern=TOKEN_PATTERN, preprocessor=normalise
        ).build_analyzer()
        tokens = [tokenize(text) for text in texts]
        counts = CountVectorizer(analyzer=list, vocabulary=self.words_).transform(tokens)
        lengths = np.array([[len(found)] for found in tokens])
        shares: FloatArray = (counts @ self.weights_).toarray() / (lengths + SHARE_PRIOR)
        return shares

    # scikit-learn would copy the lexicons word by word, as slow as a fit.
    def __sklearn_clone__(self) -> Self:
        return type(self)(self.lexicons)

    # Store only the lexicons, as one text: skops stores a dictionary entry by entry, which takes
    # seconds for tens of thousands of words.
    def __getstate__(self) -> dict[str, Any]:
        return {"lexicons": json.dumps(self.lexicons)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.lexicons = json.loads(state["lexicons"])
        self.fit(())


class TextImputer(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Imputes missing features from the text: a ridge regression of each feature on the shares.

    Parameters
    ----------
    lexicons : dict
        The parameter of `LexiconShares`.
    """

    def __init__(self, lexicons: Lexicons):
        self.lexicons = lexicons

    def fit(self, posts: pd.DataFrame, labels: object = None) -> Self:  # noqa: ARG002 - scikit-learn's
        """Learn each feature from the posts that have it; the first column is the text."""
        self.shares_ = LexiconShares(self.lexicons).fit(posts.iloc[:, 0])
        shares = self.shares_.transform(posts.iloc[:, 0])
        self.regressions_ = []
        for _, values in posts.iloc[:, 1:].items():
            given = values.notna().to_numpy()
            regression = make_pipeline(StandardScaler(), Ridge(RIDGE))
            self.regressions_.append(regression.fit(shares[given], values[given]))
        return self

    def transform(self, posts: pd.DataFrame) -> FloatArray:
        """Return the features with imputed values, shape (n_posts, n_numeric_features)."""
        numbers: FloatArray = posts.iloc[:, 1:].to_numpy(dtype=np.float64, copy=True)
        gaps = np.isnan(numbers)
        incomplete = np.flatnonzero(gaps.any(axis=1))
        if len(incomplete):
            shares = self.shares_.transform(posts.iloc[incomplete, 0])
            expected: Any = [regression.predict(shares) for regression in self.regressions_]
            numbers[incomplete] = np.where(
                gaps[incomplete], np.column_stack(expected), numbers[incomplete]
            )
        return numbers

    def __sklearn_clone__(self) -> Self:
        return type(self)(self.lexicons)

    def __getstate__(self) -> dict[str, Any]:
        fitted = {"regressions_": self.regressions_} if hasattr(self, "regressions_") else {}
        return {"lexicons": json.dumps(self.lexicons), **fitted}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.lexicons = json.loads(state["lexicons"])
        if "regressions_" in state:
            self.shares_ = LexiconShares(self.lexicons).fit(())
            self.regressions_ = state["regressions_"]
