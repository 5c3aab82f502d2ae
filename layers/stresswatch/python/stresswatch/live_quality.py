"""Live quality: what labels that came late say of predictions that were made of the stream.

Labels come out of order, twice, contradicting each other, for posts that were never seen, and days
after the prediction. Each labelled post counts once: by its newest label, and by the first
prediction that a model version made of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from stresswatch.datasets import assemble
from stresswatch.quality import bootstrap_intervals, measure


@dataclass(frozen=True)
class Labels:
    """What is known of posts by now.

    Attributes
    ----------
    by_post : dict of str to int
        The newest label of each post, by its id.
    ambiguous : int
        Ids left out as they stand for several texts: segments of a long post, which the archive,
        where no text is, cannot tell apart.
    invalid : int
        Lines that broke the contract.
    """

    by_post: Mapping[str, int]
    ambiguous: int
    invalid: int


@dataclass(frozen=True)
class Scored:
    """A prediction of a post, and the label that the post got."""

    post_id: str
    label: int
    probability: float
    source: str | None


@dataclass(frozen=True)
class LiveQuality:
    """How good a version's predictions were, where that is known.

    Attributes
    ----------
    overall : dict or None
        The figures of `Quality` and their ``intervals``; None below the smallest number of posts.
    communities : dict of str to dict
        The same by the posts' source, of those that have enough labelled posts, the largest first.
    """

    overall: dict[str, Any] | None
    communities: dict[str, dict[str, Any]]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def newest_labels(lines: Iterable[bytes]) -> Labels:
    """Read labels of all time, as lines of JSON."""
    known = assemble([], lines)
    texts = Counter(labelled.post.post_id for labelled in known.fresh)
    return Labels(
        by_post={
            labelled.post.post_id: labelled.label
            for labelled in known.fresh
            if texts[labelled.post.post_id] == 1
        },
        ambiguous=sum(number > 1 for number in texts.values()),
        invalid=known.invalid,
    )


def join(
    labels: Mapping[str, int], rows: Iterable[Mapping[str, Any]], version: str
) -> list[Scored]:
    """Join labels to the rows of the archive, earliest first, that a model version made."""
    first: dict[str, Scored] = {}
    for row in rows:
        post_id = row["post_id"]
        if row["model_version"] == version and post_id in labels and post_id not in first:
            first[post_id] = Scored(post_id, labels[post_id], row["probability"], row.get("source"))
    return list(first.values())


def measure_live(
    scored: Sequence[Scored], minimum_posts: int, most_communities: int = 20
) -> LiveQuality:
    """Measure what was joined, overall and by community, wherever `minimum_posts` are labelled."""
    sources = Counter(one.source for one in scored if one.source)
    large = [
        name for name, posts in sources.most_common(most_communities) if posts >= minimum_posts
    ]
    return LiveQuality(
        overall=_figures(scored) if len(scored) >= minimum_posts else None,
        communities={
            name: _figures([one for one in scored if one.source == name]) for name in large
        },
    )


def _figures(scored: Sequence[Scored]) -> dict[str, Any]:
    labels = np.array([one.label for one in scored])
    probability = np.array([one.probability for one in scored])
    intervals = bootstrap_intervals(labels, probability, [one.post_id for one in scored])
    return {**measure(labels, probability).as_dict(), "intervals": intervals}
