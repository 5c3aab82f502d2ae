"""Aggregate the ratings of several annotators into one label."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.contracts.posts import Post
from stresswatch.evaluation.agreement import majority, nominal_alpha
from stresswatch.storage.training_sets import identity_of, labelled_time


class Rating(NamedTuple):
    """One annotator's label of a post.

    Attributes
    ----------
    annotator : hashable or None
        None where unknown: each such rating counts as another annotator's.
    """

    labelled: LabelledPost
    annotator: Hashable | None = None


@dataclass(frozen=True)
class Consensus:
    """Ratings, post by post.

    Attributes
    ----------
    labels : list of LabelledPost
        The majority label of each post with a majority. Its confidence is the share of annotators
        who agree, and its time is the time of the newest rating.
    ties : list of Post
        Posts with as many positive as negative ratings.
    rated_by_several : int
        Posts with two annotators or more.
    alpha : float or None
        Krippendorff's alpha of all posts, ties too; None where it is not defined.
    """

    labels: list[LabelledPost]
    ties: list[Post]
    rated_by_several: int
    alpha: float | None

    @property
    def posts(self) -> list[Post]:
        """Return all rated posts."""
        return [*(labelled.post for labelled in self.labels), *self.ties]


def consensus(ratings: Iterable[Rating]) -> Consensus:
    """Aggregate ratings by post; an annotator's newest rating of a post counts."""
    posts: dict[Hashable, dict[Hashable, LabelledPost]] = {}
    for number, (labelled, annotator) in enumerate(ratings):
        by_annotator = posts.setdefault(identity_of(labelled.post), {})
        key = ("unknown", number) if annotator is None else ("known", annotator)
        earlier = by_annotator.get(key)
        if earlier is None or _time(labelled) >= _time(earlier):
            by_annotator[key] = labelled
    of_posts = [list(by_annotator.values()) for by_annotator in posts.values()]
    decided = [(given, _decide(given)) for given in of_posts]
    return Consensus(
        labels=[label for _, label in decided if label],
        ties=[given[0].post for given, label in decided if not label],
        rated_by_several=sum(len(given) > 1 for given in of_posts),
        alpha=nominal_alpha(np.array([_counts(given) for given in of_posts])),
    )


def _decide(given: Sequence[LabelledPost]) -> LabelledPost | None:
    if len(given) == 1:
        return given[0]
    found = majority(np.array(_counts(given)))
    if found is None:
        return None
    label, share = found
    newest = max(given, key=_time)
    return replace(newest, label=label, confidence=share)


def _counts(given: Sequence[LabelledPost]) -> list[int]:
    positive = sum(one.label for one in given)
    return [len(given) - positive, positive]


def _time(labelled: LabelledPost) -> float:
    return labelled_time(labelled.labelled_at).timestamp() if labelled.labelled_at else 0.0
