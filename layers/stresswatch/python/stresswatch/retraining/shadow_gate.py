"""The verdict on a challenger that shadowed: what it said of live posts beside the champion."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stresswatch.contracts.predictions import DECISION_THRESHOLD
from stresswatch.evaluation.paired_bootstrap import compare
from stresswatch.monitoring.live_quality import Labels, join
from stresswatch.retraining.gate_rules import GateRules
from stresswatch.retraining.verdict import Check, Verdict


def judge_shadow(
    champion: Sequence[Mapping[str, Any]],
    challenger: Sequence[Mapping[str, Any]],
    labels: Labels,
    rules: GateRules,
    trained_texts: Container[str] = (),
) -> Verdict:
    """Judge a challenger by its predictions of the posts that the champion predicted.

    Parameters
    ----------
    champion, challenger : sequences of rows of the archive
        Of the time of the shadowing, each with one row for a `prediction_id`.
    labels : Labels
    trained_texts : container of str
        Digests of the texts that either was trained on: labels of these compare nothing.
    """
    said = {row["prediction_id"]: row for row in challenger}
    both = [(row, said[row["prediction_id"]]) for row in champion if row["prediction_id"] in said]
    if len(champion) < rules.minimum_posts:
        reason = f"not judged: {len(champion)} of at least {rules.minimum_posts} live posts"
        return Verdict((Check("live posts", None, None, None, passed=True, reason=reason),))
    probability = np.array(
        [[one["probability"] for one in pair] for pair in both], dtype=np.float64
    ).reshape(-1, 2)
    return Verdict(
        (
            _coverage(len(both) / len(champion), rules),
            _agreement(probability, rules),
            *_live_quality(both, labels, rules, trained_texts),
        )
    )


def parent_gone(parent: str, serving: str) -> Verdict:
    """Reject a challenger whose champion serves no more: it was compared with another."""
    reason = f"it was judged against {parent}, and {serving} serves now"
    return Verdict((Check("the same champion", None, None, None, passed=False, reason=reason),))


def _coverage(share: float, rules: GateRules) -> Check:
    return Check(
        name="live posts that the challenger scored too",
        champion=1.0,
        challenger=share,
        threshold=rules.minimum_shadow_coverage,
        passed=share >= rules.minimum_shadow_coverage,
        reason=f"must be at least {rules.minimum_shadow_coverage:.3f}",
    )


def _agreement(probability: NDArray[np.float64], rules: GateRules) -> Check:
    called = probability >= DECISION_THRESHOLD
    agreement = float((called[:, 0] == called[:, 1]).mean()) if len(called) else 0.0
    return Check(
        name="agreement on live posts",
        champion=None,
        challenger=agreement,
        threshold=rules.minimum_agreement,
        passed=agreement >= rules.minimum_agreement,
        reason=f"must be at least {rules.minimum_agreement:.3f}",
    )


def _live_quality(
    both: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]],
    labels: Labels,
    rules: GateRules,
    trained_texts: Container[str],
) -> list[Check]:
    """Compare the two on those of the live posts that are labelled, each post once."""
    name = "Brier score, labelled live posts"
    said = {champion["prediction_id"]: challenger for champion, challenger in both}
    joined = join(labels, (champion for champion, _ in both)).rows
    pairs = {
        post: (row, said[row["prediction_id"]])
        for post, row in joined.items()
        if post[1] not in trained_texts
    }
    left_out = f", {trained} were trained on" if (trained := len(joined) - len(pairs)) else ""
    if len(pairs) < rules.minimum_posts:
        reason = (
            f"not judged: {len(pairs)} of at least {rules.minimum_posts} labelled live posts"
            f"{left_out}"
        )
        return [Check(name, None, None, None, passed=True, reason=reason)]
    truth = np.array([labels.by_post[post] for post in pairs])
    champion, challenger = (
        np.array([pair[place]["probability"] for pair in pairs.values()]) for place in (0, 1)
    )
    post_ids = [post_id for post_id, _ in pairs]
    brier = compare(truth, champion, challenger, post_ids, rules.confidence).brier
    before = float(((champion - truth) ** 2).mean())
    return [
        Check(
            name=name,
            champion=before,
            challenger=before + brier.value,
            threshold=before + rules.new_brier_margin,
            passed=brier.high <= rules.new_brier_margin,
            reason=(
                f"{brier}: must be shown to rise by no more than {rules.new_brier_margin:.3f}"
                f"{left_out}"
            ),
        )
    ]
