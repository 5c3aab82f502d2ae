"""The gate's checks: each compares a challenger with the champion or with a limit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from stresswatch.aws.identifiers import printable
from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.evaluation.metrics import chance_of_roc_auc, measure
from stresswatch.evaluation.paired_bootstrap import Comparison
from stresswatch.evaluation.splits import split
from stresswatch.model.scorer import (
    MAXIMUM_PIPELINE_BYTES,
    Scorer,
    ScorerKind,
    ScorerNotAllowed,
)
from stresswatch.retraining.contenders import Contender, ScoredPosts, labels_of, numbers_of, score
from stresswatch.retraining.gate_rules import GateRules
from stresswatch.retraining.verdict import Check, Verdict

_TIMED_POSTS = 500
_TIMED_ROUNDS = 5


def worth_serving(
    labels: NDArray[np.int64],
    scores: NDArray[np.float64],
    group_of: Sequence[str],
    rules: GateRules,
) -> list[Check]:
    quality = measure(labels, scores)
    # The all-positive baseline has recall 1, and the share of positive posts as its precision.
    share = quality.positive / quality.posts
    call_all_positive = 2 * share / (1 + share)
    return [
        _at_least("ROC-AUC, base holdout", quality.roc_auc or 0.0, rules.minimum_roc_auc),
        _beyond_chance("base holdout", labels, scores, group_of, rules.maximum_chance),
        _at_least("F1 against the all-positive baseline", quality.f1, call_all_positive),
    ]


def _beyond_chance(
    name: str,
    labels: NDArray[np.int64],
    scores: NDArray[np.float64],
    group_of: Sequence[str],
    maximum: float,
) -> Check:
    """Check that the ROC-AUC on few posts is beyond chance; on many it always is."""
    chance = chance_of_roc_auc(labels, scores, group_of)
    return Check(
        name=f"p-value of the ROC-AUC, {name}",
        champion=None,
        challenger=chance,
        threshold=maximum,
        passed=chance <= maximum,
        reason=f"permutation test on {len(set(group_of))} independent posts: must be at most "
        f"{maximum:.3f}",
    )


def not_allowed(error: ScorerNotAllowed, not_exportable: str) -> Verdict:
    """Reject a version that the stage cannot score."""
    reason = f"{error} ({not_exportable})"
    return Verdict((Check("scorer", None, None, None, passed=False, reason=reason),))


def small_enough(challenger: Contender, champion: Contender | None, rules: GateRules) -> Check:
    scorer = challenger.scorer
    is_arrays = scorer.kind is ScorerKind.ARRAYS
    limit = rules.maximum_model_bytes if is_arrays else MAXIMUM_PIPELINE_BYTES
    return Check(
        name="model size, MB",
        champion=champion.scorer.size / 1e6 if champion else None,
        challenger=scorer.size / 1e6,
        threshold=limit / 1e6,
        passed=scorer.size <= limit,
        reason=f"must be at most {limit / 1e6:.1f} MB for the scorer {scorer.kind}",
    )


def as_good_on_base_holdout(base: ScoredPosts, rules: GateRules) -> list[Check]:
    differences = base.compare(rules.confidence)
    champion, challenger = base.qualities()
    margin = rules.base_f1_margin
    limit = champion.calibration_error + rules.calibration_margin
    return [
        Check(
            name="F1, base holdout",
            champion=champion.f1,
            challenger=challenger.f1,
            threshold=champion.f1 - margin,
            passed=differences.f1.low >= -margin,
            reason=f"{differences.f1}: the bounds must show a loss of at most {margin:.3f}",
        ),
        _brier_no_worse(base, rules.base_brier_margin, differences),
        Check(
            name="calibration error, base holdout",
            champion=champion.calibration_error,
            challenger=challenger.calibration_error,
            threshold=limit,
            passed=challenger.calibration_error <= limit,
            reason=f"must be at most {limit:.3f}",
        ),
    ]


def better_on_new_holdout(
    new: ScoredPosts, challenger: Contender, champion: Contender, rules: GateRules
) -> list[Check]:
    if len(new) < rules.minimum_posts:
        return [_too_few("gain on the new holdout", new, rules)]
    differences = new.compare(rules.confidence)
    before, _ = new.qualities()
    return [
        # If the champion is worse than chance on the new labels, these are wrong: flipped by
        # mistake, or on purpose to invert the model.
        Check(
            name="trust in the new labels",
            champion=before.roc_auc,
            challenger=None,
            threshold=0.5,
            passed=before.roc_auc is None or before.roc_auc >= 0.5,
            reason="the champion's ROC-AUC on them must be at least 0.500; review the labels",
        ),
        # Random labels favour low confidence: a challenger with less confidence gains on them, and
        # learns nothing.
        _new_beyond_chance(new, rules),
        _brier_no_worse(new, rules.new_brier_margin, differences),
        _f1_does_not_fall(new, rules.confidence, rules),
        _gain(new, differences, challenger, champion, rules),
    ]


def as_good_on_new_holdout(new: ScoredPosts, rules: GateRules) -> list[Check]:
    """Require no gain over a champion with other features: its imputed values show no drift."""
    if len(new) < rules.minimum_posts:
        return [_too_few("new holdout", new, rules)]
    return [
        _new_beyond_chance(new, rules),
        _brier_no_worse(new, rules.new_brier_margin, new.compare(rules.confidence)),
        _f1_does_not_fall(new, rules.confidence, rules),
    ]


def _too_few(name: str, new: ScoredPosts, rules: GateRules) -> Check:
    reason = f"not judged: {len(new)} posts, at least {rules.minimum_posts} needed"
    return Check(name, None, None, None, passed=True, reason=reason)


def _new_beyond_chance(new: ScoredPosts, rules: GateRules) -> Check:
    return _beyond_chance(
        new.name, labels_of(new.posts), new.challenger, new.groups, 1 - rules.confidence
    )


def _gain(
    new: ScoredPosts,
    differences: Comparison,
    challenger: Contender,
    champion: Contender,
    rules: GateRules,
) -> Check:
    """Require a better Brier score, or training posts more similar to the new holdout."""
    name = "gain on the new holdout"
    if differences.brier.high < 0:
        return Check(name, None, None, None, True, f"Brier score {differences.brier}: shown")
    unshown = f"Brier score {differences.brier}: not shown"
    if not champion.posts:
        reason = f"{unshown}, and the champion's training set is gone: no drift to compare"
        return Check(name, None, None, None, False, reason)
    distance = [_distance(new.posts, one.posts) for one in (champion, challenger)]
    if np.isnan(numbers_of(new.posts)).all() and distance[0] == 0:
        reason = f"{unshown}, and neither these nor the champion's posts have numeric features"
        return Check(name, None, None, None, False, reason)
    limit = distance[0] - rules.minimum_distance_reduction
    return Check(
        name=name,
        champion=distance[0],
        challenger=distance[1],
        threshold=limit,
        passed=distance[1] <= limit,
        reason=f"{unshown}; the numeric features' mean distance to the training posts must be at "
        f"most {limit:.3f}",
    )


def no_community_falls(both: ScoredPosts, rules: GateRules) -> list[Check]:
    rows = sorted(
        (labelled.post.source, row)
        for row, labelled in enumerate(both.posts)
        if labelled.post.source
    )
    communities = [
        both.only(printable(source), [row for _, row in found])
        for source, found in groupby(rows, key=lambda item: item[0])
    ]
    judged = [posts for posts in communities if len(posts) >= rules.minimum_posts]
    # Bonferroni: among many communities, one falls by chance more often than a given one.
    confidence = 1 - (1 - rules.confidence) / max(1, len(judged))
    return [_f1_does_not_fall(posts, confidence, rules) for posts in judged]


def as_fast(
    challenger: Scorer,
    champion: Scorer,
    posts: Sequence[LabelledPost],
    rules: GateRules,
    clock: Callable[[], float],
) -> Check:
    name = "scoring time, µs per post"
    if challenger.kind is not champion.kind:
        reason = f"not judged: scored by {challenger.kind}, the champion by {champion.kind}"
        return Check(name, None, None, None, passed=True, reason=reason)
    timed = posts[:_TIMED_POSTS]
    microseconds = [float("inf"), float("inf")]
    for _ in range(_TIMED_ROUNDS):
        for place, scorer in enumerate((champion, challenger)):
            begun = clock()
            score(scorer, timed)
            # The minimum of alternating rounds: other processes only add time.
            taken = 1e6 * (clock() - begun) / len(timed)
            microseconds[place] = min(microseconds[place], taken)
    limit = microseconds[0] * rules.maximum_slowdown
    return Check(
        name=name,
        champion=microseconds[0],
        challenger=microseconds[1],
        threshold=limit,
        passed=microseconds[1] <= limit,
        reason=f"must be at most {rules.maximum_slowdown:g} times the champion's",
    )


def _brier_no_worse(posts: ScoredPosts, margin: float, differences: Comparison) -> Check:
    champion, challenger = posts.qualities()
    return Check(
        name=f"Brier score, {posts.name}",
        champion=champion.brier,
        challenger=challenger.brier,
        threshold=champion.brier + margin,
        passed=differences.brier.high <= margin,
        reason=f"{differences.brier}: the bounds must show a rise of at most {margin:.3f}",
    )


def _f1_does_not_fall(posts: ScoredPosts, confidence: float, rules: GateRules) -> Check:
    difference = posts.compare(confidence).f1
    champion, challenger = posts.qualities()
    margin = rules.community_f1_margin
    return Check(
        name=f"F1, {posts.name}",
        champion=champion.f1,
        challenger=challenger.f1,
        threshold=champion.f1 - margin,
        passed=difference.value >= -margin or difference.high >= 0,
        reason=f"{difference}, {len(posts)} posts: must not be a significant fall over "
        f"{margin:.3f}",
    )


def _at_least(name: str, challenger: float, threshold: float) -> Check:
    passed = challenger >= threshold
    return Check(name, None, challenger, threshold, passed, f"must be at least {threshold:.3f}")


def _distance(new: Sequence[LabelledPost], data_set: Sequence[LabelledPost]) -> float:
    """Return the mean two-sample Kolmogorov-Smirnov statistic of the numeric features.

    It compares the new holdout with a data set's training split, without missing values. A feature
    with values on only one side has the greatest distance, 1. A feature without values on either
    side has distance 0.
    """
    learned = split(data_set).train
    return float(
        np.mean(
            [
                _ks_statistic(one[~np.isnan(one)], other[~np.isnan(other)])
                for one, other in zip(numbers_of(new).T, numbers_of(learned).T, strict=True)
            ]
        )
    )


def _ks_statistic(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    if not len(one) or not len(other):
        return float(len(one) != len(other))
    places = np.concatenate([one, other])
    shares = [
        np.searchsorted(np.sort(sample), places, side="right") / len(sample)
        for sample in (one, other)
    ]
    return float(np.abs(shares[0] - shares[1]).max())
