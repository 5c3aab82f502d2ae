"""Two models on the same posts: their difference, with bounds for chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stresswatch.contracts.predictions import DECISION_THRESHOLD

_RESAMPLES = 2000
_SEED = 7


@dataclass(frozen=True)
class Difference:
    """Challenger minus champion.

    Attributes
    ----------
    low, high : float
        One-sided bounds: the true value is beyond each with one minus the confidence.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Comparison:
    """The differences in the positive class's F1 score and in the Brier score."""

    f1: Difference
    brier: Difference


def compare(
    labels: NDArray[np.int64],
    champion: NDArray[np.float64],
    challenger: NDArray[np.float64],
    post_ids: Sequence[str],
    confidence: float = 0.95,
) -> Comparison:
    """Compare two models' probabilities by the paired bootstrap (Efron & Tibshirani, 1993, ch. 16).

    Both are measured on each draw, which cancels out the posts' difficulty. Whole posts are drawn,
    because the segments of one post, which share its id, are not independent. The random numbers
    are seeded: the same probabilities have the same bounds.

    Parameters
    ----------
    labels, champion, challenger : arrays of shape (n_posts,)
        Labels 0 and 1, and the probabilities of 1.
    post_ids : sequence of n_posts str
    confidence : float
        Confidence of each of the two bounds.

    Raises
    ------
    ValueError
        When there are no posts.
    """
    if not len(labels):
        raise ValueError("a comparison needs at least one labelled post")
    _, post = np.unique(post_ids, return_inverse=True)
    n_posts = int(post.max()) + 1

    def by_post(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.bincount(post, weights=values, minlength=n_posts).astype(np.float64)

    # Every metric is a ratio of sums over posts, so a draw needs only the sums.
    sums = np.stack(
        [by_post(np.ones(len(labels)))]
        + [
            by_post(part)
            for probability in (champion, challenger)
            for part in _parts(labels, probability)
        ],
        axis=1,
    )
    chance = np.random.default_rng(_SEED)
    drawn = np.stack(
        [
            np.bincount(chance.integers(n_posts, size=n_posts), minlength=n_posts) @ sums
            for _ in range(_RESAMPLES)
        ]
    )
    seen_f1, seen_brier = _differences(sums.sum(axis=0, keepdims=True))
    f1, brier = _differences(drawn)
    return Comparison(
        f1=_bounded(float(seen_f1[0]), f1, confidence),
        brier=_bounded(float(seen_brier[0]), brier, confidence),
    )


def _parts(
    labels: NDArray[np.int64], probability: NDArray[np.float64]
) -> tuple[NDArray[np.float64], ...]:
    """Return each post's true positives, positive labels and predictions, and squared error."""
    called = (probability >= DECISION_THRESHOLD).astype(np.float64)
    return called * labels, called + labels, (probability - labels) ** 2


def _differences(sums: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the differences in F1 and Brier score for sums of shape (n_draws, 7)."""
    count, *parts = sums.T
    f1, brier = [], []
    for hits, positive, squared_error in (parts[:3], parts[3:]):
        f1.append(2 * hits / np.maximum(positive, 1))  # without positive posts, 0
        brier.append(squared_error / count)
    return f1[1] - f1[0], brier[1] - brier[0]


def _bounded(seen: float, drawn: NDArray[np.float64], confidence: float) -> Difference:
    low, high = np.quantile(drawn, [1 - confidence, confidence])
    return Difference(seen, float(low), float(high))
