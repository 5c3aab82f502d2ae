"""Labels that look wrong: out-of-fold models are confident of the other label.

The method is confident learning: Northcutt, Jiang and Chuang, "Confident learning: Estimating
uncertainty in dataset labels", JAIR 70, 2021, https://doi.org/10.1613/jair.1.12125

No label is removed or down-weighted; people review the labels and correct wrong ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import has_fit_parameter

from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.evaluation.splits import groups
from training_jobs.model.dataset import DataSet, frame, labels_of

FOLDS = 3
MOST = 1_000
"""Maximum number of labels in the file, the most suspicious ones."""

Probability = NDArray[np.float64]


def suspicious_labels(
    dataset: DataSet, pipeline: Pipeline, evaluation: Probability
) -> dict[str, Any]:
    """Return the labels that look wrong.

    Parameters
    ----------
    pipeline : Pipeline
        Fitted to the training split.
    evaluation : array of float, shape (n_evaluation,)
        Its probabilities on the evaluation split, which it did not learn from.

    Returns
    -------
    dict
        ``posts``, the number of examined posts; ``suspicious``, the number of labels that look
        wrong; and ``labels``, at most `MOST` of these, the most suspicious first. Each has
        ``place``, the post's position among the training set's valid lines, from 0, ``label``,
        and ``probability`` of the positive class.
    """
    posts = [*dataset.train, *dataset.evaluation]
    labels = labels_of(posts)
    probability = np.concatenate([out_of_fold(dataset.train, pipeline), evaluation])
    found = np.flatnonzero(look_wrong(labels, probability))
    of_given = np.where(labels == 1, probability, 1 - probability)
    place_of = {id(post): place for place, post in enumerate(dataset.posts)}
    listed = [
        {
            "place": place_of[id(posts[row])],
            "label": int(labels[row]),
            "probability": float(probability[row]),
        }
        for row in found[np.argsort(of_given[found], kind="stable")][:MOST]
    ]
    return {"posts": len(posts), "suspicious": len(found), "labels": listed}


def look_wrong(labels: NDArray[np.int64], probability: Probability) -> NDArray[np.bool_]:
    """Return the labels in the off-diagonal of the confident joint.

    A post counts for a class if its probability reaches that class's mean probability among the
    posts with its label. A post that reaches both counts for the likelier class.

    Parameters
    ----------
    labels : array of int, shape (n_posts,)
        0 or 1; both occur.
    probability : array of float, shape (n_posts,)
        Probability of label 1, by a model that did not learn from the post.
    """
    of_class = np.column_stack([1 - probability, probability])
    thresholds = [of_class[labels == label, label].mean() for label in (0, 1)]
    confident = np.where(of_class >= thresholds, of_class, -1.0)
    is_sure = confident.max(axis=1) >= 0
    return np.asarray(is_sure & (confident.argmax(axis=1) != labels))


def out_of_fold(posts: Sequence[LabelledPost], pipeline: Pipeline) -> Probability:
    """Return each post's probability by a classifier fitted without it.

    A post's segments and copies are in one fold. The features are those of the whole training
    split, because fitting them per fold would take as long as that many trainings.
    """
    features = pipeline[:-1].transform(frame(posts))
    labels = labels_of(posts)
    weights = np.array([labelled.confidence for labelled in posts])
    group_of = groups(posts)
    takes_weights = has_fit_parameter(pipeline[-1], "sample_weight")
    probability = np.full(len(posts), labels.mean())
    folds = GroupKFold(min(FOLDS, len(set(group_of))))
    for train, test in folds.split(features, groups=group_of):
        if len(set(labels[train].tolist())) == 2:
            given = {"sample_weight": weights[train]} if takes_weights else {}
            classifier = clone(pipeline[-1]).fit(features[train], labels[train], **given)
            probability[test] = classifier.predict_proba(features[test])[:, 1]
    return probability
