"""Compare two versions by whole archived rows, as a check on Athena's answer."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from datetime import datetime
from typing import Any

from stresswatch.contracts.predictions import DECISION_THRESHOLD
from stresswatch.monitoring.live_quality import Labels, join
from stresswatch.retraining.live_comparison import LabelledPair, LiveComparison


def compare_rows(
    champion: Sequence[Mapping[str, Any]],
    challenger: Sequence[Mapping[str, Any]],
    labels: Labels,
    trained_texts: Container[str] = (),
) -> LiveComparison:
    """Compare two versions by their archived rows, one per `prediction_id`.

    Parameters
    ----------
    trained_texts : container of str
        Digests of texts in either version's training set; their labels are left out.
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


def shadowed_in_window(
    shadowed: Sequence[Mapping[str, Any]], answered: Sequence[Mapping[str, Any]], start: datetime
) -> list[Mapping[str, Any]]:
    """Return the shadowed rows without those of posts answered before a window's start."""
    earlier = {
        row["prediction_id"]
        for row in answered
        if datetime.fromisoformat(row["predicted_at"]) < start
    }
    return [row for row in shadowed if row["prediction_id"] not in earlier]


def _is_stressed(probability: float) -> bool:
    return probability >= DECISION_THRESHOLD
