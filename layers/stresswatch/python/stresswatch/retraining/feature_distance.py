"""The distance of posts' numeric features to a training set."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.contracts.posts import NUMERIC_FEATURES
from stresswatch.evaluation.splits import split
from stresswatch.retraining.contenders import numbers_of


def distance_to_training(new: Sequence[LabelledPost], data_set: Sequence[LabelledPost]) -> float:
    """Return the mean two-sample Kolmogorov-Smirnov statistic of the numeric features.

    It compares the new holdout with a data set's training split, without missing values. A feature
    with values on only one side has the greatest distance, 1. A feature without values on either
    side has distance 0, and so has a task without numeric features.
    """
    if not NUMERIC_FEATURES:
        return 0.0
    learned = split(data_set).train
    return float(
        np.mean(
            [
                _ks_statistic(one[~np.isnan(one)], other[~np.isnan(other)])
                for one, other in zip(numbers_of(new).T, numbers_of(learned).T, strict=True)
            ]
        )
    )


def _ks_statistic(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    if not len(one) or not len(other):
        return float(len(one) != len(other))
    places = np.concatenate([one, other])
    shares = [
        np.searchsorted(np.sort(sample), places, side="right") / len(sample)
        for sample in (one, other)
    ]
    return float(np.abs(shares[0] - shares[1]).max())
