"""Two versions on the same live posts: a comparison of champion and challenger.

A shadowing challenger is compared with the serving champion. In a probation the roles are reversed:
the challenger is the version in service, and the champion the previous one.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stresswatch.evaluation.paired_bootstrap import Difference, compare
from stresswatch.monitoring.live_quality import Labels, join


@dataclass(frozen=True)
class LabelledPair:
    """Both versions' predictions of a labelled post."""

    post_id: str
    label: int
    champion: float
    challenger: float


@dataclass(frozen=True)
class LiveComparison:
    """Both versions' predictions of the live posts in a window.

    Attributes
    ----------
    posts : int
        Posts that the champion scored.
    both : int
        Posts among them that the challenger also scored.
    agreeing : int
        Posts of both with the same predicted class.
    labelled : sequence of LabelledPair
        Labelled posts of both, each once.
    trained_on : int
        Labelled posts left out because either version was trained on them.
    """

    posts: int
    both: int
    agreeing: int
    labelled: Sequence[LabelledPair]
    trained_on: int

    def brier(self, confidence: float) -> tuple[float, Difference]:
        """Return the champion's Brier score on the labelled posts, and the challenger's rise.

        Raises
        ------
        ValueError
            When no posts are labelled.
        """
        labels = np.array([pair.label for pair in self.labelled])
        champion = np.array([pair.champion for pair in self.labelled])
        challenger = np.array([pair.challenger for pair in self.labelled])
        post_ids = [pair.post_id for pair in self.labelled]
        rise = compare(labels, champion, challenger, post_ids, confidence).brier
        return float(((champion - labels) ** 2).mean()), rise


def compare_pairs(
    pairs: Sequence[Mapping[str, Any]], labels: Labels, trained_texts: Container[str] = ()
) -> LiveComparison:
    """Compare two versions by pairs of their predictions, earliest first.

    Parameters
    ----------
    pairs : sequence of mapping
        As returned by `live_pairs`. ``post_id`` is None for unlabelled posts. ``champion`` and
        ``challenger`` are probabilities, None without a pair that has both.
    trained_texts : container of str
        Digests of both versions' training texts, whose labels are left out.
    """
    both = [pair for pair in pairs if pair["post_id"] is not None and pair["scored_by_both"]]
    joined = join(labels, both).rows
    kept = {post: pair for post, pair in joined.items() if post[1] not in trained_texts}
    return LiveComparison(
        posts=sum(pair["posts"] for pair in pairs),
        both=sum(pair["scored_by_both"] for pair in pairs),
        agreeing=sum(pair["agreeing"] for pair in pairs),
        labelled=[
            LabelledPair(post[0], labels.by_post[post], pair["champion"], pair["challenger"])
            for post, pair in kept.items()
        ],
        trained_on=len(joined) - len(kept),
    )
