"""Labels that look wrong: models that did not learn from a post are sure of the other label.

This is confident learning (Northcutt, Jiang and Chuang, "Confident learning: Estimating uncertainty
in dataset labels", JAIR 70, 2021, https://doi.org/10.1613/jair.1.12125). Nothing is removed or
weighed less for it: people look at the labels, and correct those that are wrong.
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
from training_jobs.stress_model.dataset import DataSet, frame, labels_of

FOLDS = 3
MOST = 1_000
"""Labels that the file lists, those that look most wrong."""

Probability = NDArray[np.float64]


def suspicious_labels(
    dataset: DataSet, pipeline: Pipeline, evaluation: Probability
) -> dict[str, Any]:
    """Return the labels that look wrong.

    Parameters
    ----------
    pipeline : Pipeline
        As it was fitted to the training split.
    evaluation : array of float, shape (n_evaluation,)
        Its probabilities of the evaluation split, from which it did not learn.

    Returns
    -------
    dict
        ``posts``, how many were looked at; ``suspicious``, how many labels look wrong; and
        ``labels``, at most `MOST` of these, the most suspicious first: ``place``, the post's place
        among the valid lines of the training set, from 0, ``label``, and ``probability`` of stress.
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
    """Return which labels are in the confident joint's off-diagonal.

    A post counts for a class if its probability reaches the mean probability of that class among
    the posts with its label; where it counts for both, for the likelier one.

    Parameters
    ----------
    labels : array of int, shape (n_posts,)
        0 or 1, both of them there.
    probability : array of float, shape (n_posts,)
        Of label 1, by a model that did not learn from the post.
    """
    of_class = np.column_stack([1 - probability, probability])
    thresholds = [of_class[labels == label, label].mean() for label in (0, 1)]
    confident = np.where(of_class >= thresholds, of_class, -1.0)
    is_sure = confident.max(axis=1) >= 0
    return np.asarray(is_sure & (confident.argmax(axis=1) != labels))


def out_of_fold(posts: Sequence[LabelledPost], pipeline: Pipeline) -> Probability:
    """Return each post's probability by a classifier that was fitted without it.

    Segments and copies of a post are in one fold. The features are those of the whole training
    split: to fit them again for each fold would take as long as that many trainings.
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
