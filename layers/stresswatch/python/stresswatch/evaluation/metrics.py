"""Prediction quality: the metrics for training reports and the gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from stresswatch.contracts.predictions import DECISION_THRESHOLD

METRICS = ("accuracy", "precision", "recall", "f1", "roc_auc", "brier", "calibration_error")

_RESAMPLES = 1000
_MOST_COUNTS = 2_000_000
"""Maximum number of entries in the resampling matrix at a time."""
_BINS = 10


@dataclass(frozen=True)
class Quality:
    """Metrics of the positive class at the decision threshold, over `posts` labelled posts.

    Attributes
    ----------
    roc_auc : float or None
        None if the posts have only one class.
    brier : float
        Mean squared difference between probability and label (Brier, 1950); lower is better.
    calibration_error : float
        `expected_calibration_error` in ten bins; lower is better.
    """

    posts: int
    positive: int
    accuracy: float
    precision: float
    recall: float
    f1: float
    brier: float
    roc_auc: float | None
    calibration_error: float

    def as_dict(self) -> dict[str, float | int | None]:
        return asdict(self)


def measure(labels: NDArray[np.int64], probability: NDArray[np.float64]) -> Quality:
    """Measure probabilities of shape (n_posts,) against labels 0 and 1 of the same shape.

    Raises
    ------
    ValueError
        When there are no posts.
    """
    if not len(labels):
        raise ValueError("quality needs at least one labelled post")
    positive = labels == 1
    predicted = probability >= DECISION_THRESHOLD
    hits = int((positive & predicted).sum())
    precision = hits / int(predicted.sum()) if predicted.any() else 0.0
    recall = hits / int(positive.sum()) if positive.any() else 0.0
    return Quality(
        posts=len(labels),
        positive=int(positive.sum()),
        accuracy=float((positive == predicted).mean()),
        precision=precision,
        recall=recall,
        f1=2 * precision * recall / (precision + recall) if hits else 0.0,
        brier=float(((probability - labels) ** 2).mean()),
        roc_auc=_roc_auc(positive, probability),
        calibration_error=expected_calibration_error(labels, probability),
    )


def bootstrap_intervals(
    labels: NDArray[np.int64], probability: NDArray[np.float64], groups: Sequence[str]
) -> Mapping[str, tuple[float, float]]:
    """Return the 95 % interval of each of `METRICS` (percentile bootstrap; Efron, 1979).

    Whole groups are drawn, because segments and copies of a post are not independent; `groups`
    names each post's group. The random numbers are seeded: the same predictions have the same
    intervals. A metric that no draw could measure, such as the ROC-AUC of one class, is left out.
    """
    _, group = np.unique(groups, return_inverse=True)
    n_groups = int(group.max()) + 1
    chance = np.random.default_rng(7)
    blocks: list[dict[str, NDArray[np.float64]]] = []
    block = max(1, _MOST_COUNTS // len(labels))
    for begin in range(0, _RESAMPLES, block):
        times = [
            np.bincount(chance.integers(n_groups, size=n_groups), minlength=n_groups)[group]
            for _ in range(min(block, _RESAMPLES - begin))
        ]
        blocks.append(measure_resamples(labels, probability, np.array(times, dtype=np.float64)))
    intervals = {}
    for name in METRICS:
        values = np.concatenate([measured[name] for measured in blocks])
        if len(values := values[~np.isnan(values)]):
            low, high = np.quantile(values, (0.025, 0.975)).tolist()
            intervals[name] = (low, high)
    return intervals


def measure_resamples(
    labels: NDArray[np.int64], probability: NDArray[np.float64], times: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    """Return each of `METRICS` for resamples, as in `measure`; NaN for a ROC-AUC of one class.

    Parameters
    ----------
    times : array of float, shape (n_resamples, n_posts)
        How often each resample contains each post.

    Returns
    -------
    dict of str to array of shape (n_resamples,)
    """
    positive, predicted = labels == 1, probability >= DECISION_THRESHOLD
    posts, positives = times.sum(axis=1), times @ positive
    called, hits = times @ predicted, times @ (positive & predicted)
    gaps = np.eye(_BINS)[_bin_of(probability, _BINS)] * (probability - labels)[:, np.newaxis]
    order = np.argsort(probability)
    first_of_ties = np.flatnonzero(np.diff(probability[order], prepend=-1.0))
    above, below = (
        np.add.reduceat((times * side)[:, order], first_of_ties, axis=1)
        for side in (positive, ~positive)
    )
    won = (above * (np.cumsum(below, axis=1) - below / 2)).sum(axis=1)
    pairs = positives * (posts - positives)
    return {
        "accuracy": times @ (positive == predicted) / posts,
        "precision": hits / np.maximum(called, 1),
        "recall": hits / np.maximum(positives, 1),
        "f1": 2 * hits / np.maximum(called + positives, 1),
        "brier": times @ (probability - labels) ** 2 / posts,
        "roc_auc": np.where(pairs, won / np.maximum(pairs, 1), np.nan),
        "calibration_error": np.abs(times @ gaps).sum(axis=1) / posts,
    }


def chance_of_roc_auc(
    labels: NDArray[np.int64], probability: NDArray[np.float64], groups: Sequence[str]
) -> float:
    """Return the p-value of a ROC-AUC, for probabilities that are independent of the labels.

    It is from a permutation test (Good, 2005) with one post per group, the first, because posts in
    a group are not independent. The random numbers are seeded. It is 1 if the posts have one class.
    """
    _, first = np.unique(groups, return_index=True)
    rows = np.sort(first)
    _, place, count = np.unique(probability[rows], return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[place]
    is_positive = labels[rows] == 1
    seen, n_positive = rank[is_positive].sum(), int(is_positive.sum())
    if n_positive in (0, len(rank)):
        return 1.0
    chance = np.random.default_rng(7)
    drawn = sum(chance.permutation(rank)[:n_positive].sum() >= seen for _ in range(_RESAMPLES))
    return float((1 + drawn) / (1 + _RESAMPLES))


def expected_calibration_error(
    labels: NDArray[np.int64], probability: NDArray[np.float64], bins: int = _BINS
) -> float:
    """Return the mean distance between probability and share of positive posts, bin by bin.

    Bins have equal widths, and weights proportional to their numbers of posts (Naeini et al.,
    2015).
    """
    gap = np.bincount(_bin_of(probability, bins), weights=probability - labels, minlength=bins)
    return float(np.abs(gap).sum() / len(labels))


def _bin_of(probability: NDArray[np.float64], bins: int) -> NDArray[np.int64]:
    return np.minimum((probability * bins).astype(np.int64), bins - 1)


def _roc_auc(positive: NDArray[np.bool_], probability: NDArray[np.float64]) -> float | None:
    """Return the area under the ROC curve as the Mann-Whitney statistic; ties count half."""
    n_positive = int(positive.sum())
    n_negative = len(positive) - n_positive
    if not n_positive or not n_negative:
        return None
    _, place, count = np.unique(probability, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(count) - (count - 1) / 2
    rank_sum = float(mean_rank[place][positive].sum())
    return (rank_sum - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative)
