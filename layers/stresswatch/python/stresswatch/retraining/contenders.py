"""The two models that the gate compares, and their predictions of the same posts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.evaluation.metrics import Quality, measure
from stresswatch.evaluation.paired_bootstrap import Comparison, compare
from stresswatch.model.feature_numbers import numbers_for
from stresswatch.model.scorer import Scorer
from stresswatch.text.normalisation import normalise


@dataclass(frozen=True)
class Contender:
    """One of the two models.

    Attributes
    ----------
    posts : sequence of LabelledPost
        Its training set, both splits; empty if it no longer exists.
    """

    scorer: Scorer
    posts: Sequence[LabelledPost]


@dataclass(frozen=True)
class ScoredPosts:
    """Evaluation posts and both models' predictions of them, all of one length."""

    name: str
    posts: Sequence[LabelledPost]
    groups: Sequence[str]
    champion: NDArray[np.float64]
    challenger: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.posts)

    def only(self, name: str, rows: Sequence[int]) -> ScoredPosts:
        return ScoredPosts(
            name,
            [self.posts[row] for row in rows],
            [self.groups[row] for row in rows],
            self.champion[rows],
            self.challenger[rows],
        )

    def qualities(self) -> tuple[Quality, Quality]:
        """Measure the champion and the challenger."""
        labels = labels_of(self.posts)
        return measure(labels, self.champion), measure(labels, self.challenger)

    def compare(self, confidence: float) -> Comparison:
        return compare(
            labels_of(self.posts), self.champion, self.challenger, self.groups, confidence
        )


def score(scorer: Scorer, posts: Sequence[LabelledPost]) -> NDArray[np.float64]:
    texts = [normalise(labelled.post.text) for labelled in posts]
    numbers = numbers_for(scorer.numeric_features, [labelled.post for labelled in posts])
    return scorer.score_normalised(texts, numbers).probability


def labels_of(posts: Sequence[LabelledPost]) -> NDArray[np.int64]:
    return np.array([labelled.label for labelled in posts])


def numbers_of(posts: Sequence[LabelledPost]) -> NDArray[np.float64]:
    return np.array([labelled.post.numbers for labelled in posts], dtype=np.float64).reshape(
        len(posts), -1
    )
