"""The stress rate of unseen communities, on labelled posts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.crossvalidation import out_of_fold
from benchmarks.quality import PIPELINES
from benchmarks.rates.populations import Fit, Population, fit
from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.contracts.predictions import DECISION_THRESHOLD
from training_jobs.model.dataset import labels_of

MINIMUM_POSTS = 150
"""Smaller communities are left out: a sample of 100 posts would be most of them."""
_SEED = 7
_FIT = PIPELINES["shipped"]


@dataclass(frozen=True)
class Community:
    """Results for an unseen community.

    Attributes
    ----------
    adjusted : float
        The called rate, corrected by the error rates of the other communities (Forman,
        "Quantifying counts and costs via classification", 2008).
    """

    name: str
    fit: Fit
    adjusted: float


def measure(posts: Sequence[LabelledPost], labels: int, draws: int) -> list[Community]:
    """Hold out each community that is large enough, the largest first, and estimate its rate.

    Parameters
    ----------
    labels : int
        Posts in each sample, on average.
    """
    sizes = Counter(post.post.source for post in posts)
    large = [name for name, size in sizes.most_common() if name and size >= MINIMUM_POSTS]
    return [_held_out(name, posts, labels, draws) for name in large]


def _held_out(name: str, posts: Sequence[LabelledPost], labels: int, draws: int) -> Community:
    its = [post for post in posts if post.post.source == name]
    others = [post for post in posts if post.post.source != name]
    population = Population(
        labels=labels_of(its).astype(float),
        predictions=_FIT(others)(its),
        inclusion=np.full(len(its), labels / len(its)),
        clusters=np.arange(len(its)),
    )
    found = fit(population, draws, _SEED)
    return Community(name, found, _adjusted(found.called, others))


def _adjusted(called: float, others: Sequence[LabelledPost]) -> float:
    """Correct a called rate by the error rates out of fold."""
    (predictions,) = out_of_fold(_FIT, others, [_SEED])
    truth, positive = labels_of(others), predictions >= DECISION_THRESHOLD
    hits, false_alarms = positive[truth == 1].mean(), positive[truth == 0].mean()
    return float(np.clip((called - false_alarms) / (hits - false_alarms), 0, 1))
