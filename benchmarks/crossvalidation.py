"""Out-of-fold predictions: models saw no segment or copy of the same post."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.evaluation.splits import groups
from training_jobs.model.dataset import labels_of

FOLDS = 5

Probability = NDArray[np.float64]
Rows = NDArray[np.int64]
Predict = Callable[[Sequence[LabelledPost]], Probability]
Fit = Callable[[Sequence[LabelledPost]], Predict]


def out_of_fold(fit: Fit, posts: Sequence[LabelledPost], seeds: Iterable[int]) -> list[Probability]:
    """Return out-of-fold probabilities for each seed: arrays of shape (n_posts,)."""
    runs = []
    for seed in seeds:
        probability = np.empty(len(posts))
        for learn, judge in folds(posts, seed):
            predict = fit([posts[row] for row in learn.tolist()])
            probability[judge] = predict([posts[row] for row in judge.tolist()])
        runs.append(probability)
    return runs


def folds(posts: Sequence[LabelledPost], seed: int) -> list[tuple[Rows, Rows]]:
    """Split posts into `FOLDS` pairs of training and evaluation rows."""
    labels = labels_of(posts)
    cut = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    return list(cut.split(labels, labels, groups(posts)))
