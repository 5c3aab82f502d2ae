"""Two versions on the same live posts: what the champion and a challenger said of each.

While a challenger shadows, it is compared with the champion that serves. On probation it is the
other way round: the challenger is the version that serves, and the champion the previous one.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stresswatch.contracts.predictions import DECISION_THRESHOLD
from stresswatch.evaluation.paired_bootstrap import Difference, compare
from stresswatch.monitoring.live_quality import Labels, join


@dataclass(frozen=True)
class LabelledPair:
    """What both versions said of a labelled post."""

    post_id: str
    label: int
    champion: float
    challenger: float


@dataclass(frozen=True)
class LiveComparison:
    """What two versions said of the live posts of a window.

    Attributes
    ----------
    posts : int
        Posts that the champion scored.
    both : int
        Those of them that the challenger scored too.
    agreeing : int
        Those of both on which the two say the same class.
    labelled : sequence of LabelledPair
        Those of both that have a label, each post once.
    trained_on : int
        Labelled posts that were left out, as either version was trained on them.
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
            When no post is labelled.
        """
        labels = np.array([pair.label for pair in self.labelled])
        champion = np.array([pair.champion for pair in self.labelled])
        challenger = np.array([pair.challenger for pair in self.labelled])
        post_ids = [pair.post_id for pair in self.labelled]
        rise = compare(labels, champion, challenger, post_ids, confidence).brier
        return float(((champion - labels) ** 2).mean()), rise


def compare_rows(
    champion: Sequence[Mapping[str, Any]],
    challenger: Sequence[Mapping[str, Any]],
    labels: Labels,
    trained_texts: Container[str] = (),
) -> LiveComparison:
    """Compare two versions by their rows of the archive, each with one for a `prediction_id`.

    Parameters
    ----------
    trained_texts : container of str
        Digests of the texts that either was trained on: labels of these compare nothing.
    """
    said = {row["prediction_id"]: row["probability"] for row in challenger}
    both = [row for row in champion if row["prediction_id"] in said]
    joined = join(labels, both).rows
    kept = {post: row for post, row in joined.items() if post[1] not in trained_texts}
    return LiveComparison(
        posts=len(champion),
        both=len(both),
        agreeing=sum(
            _is_stressed(row["probability"]) == _is_stressed(said[row["prediction_id"]])
            for row in both
        ),
        labelled=[
            LabelledPair(
                post[0], labels.by_post[post], row["probability"], said[row["prediction_id"]]
            )
            for post, row in kept.items()
        ],
        trained_on=len(joined) - len(kept),
    )


def _is_stressed(probability: float) -> bool:
    return probability >= DECISION_THRESHOLD
