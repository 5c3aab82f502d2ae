"""The gate's checks: each compares a challenger with the champion or with a limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from stresswatch.aws.identifiers import printable
from stresswatch.evaluation.metrics import chance_of_roc_auc, measure
from stresswatch.evaluation.paired_bootstrap import Comparison
from stresswatch.retraining.check_words import (
    at_best,
    at_least,
    at_most,
    at_worst,
    too_few,
    with_confidence,
)
from stresswatch.retraining.contenders import Contender, ScoredPosts, labels_of, numbers_of
from stresswatch.retraining.feature_distance import distance_to_training
from stresswatch.retraining.gate_rules import GateRules
from stresswatch.retraining.verdict import Check
from stresswatch.task.definition import TASK
from stresswatch.text.wording import counted

BASELINE_F1 = "F1 against the all-positive baseline, base holdout"
_BASE = "base holdout"


def worth_serving(
    labels: NDArray[np.int64],
    scores: NDArray[np.float64],
    group_of: Sequence[str],
    rules: GateRules,
) -> list[Check]:
    quality = measure(labels, scores)
    roc_auc, posts = quality.roc_auc or 0.0, counted(quality.posts, "post")
    # The all-positive baseline has recall 1, and the share of positive posts as its precision.
    share = quality.positive / quality.posts
    baseline = 2 * share / (1 + share)
    return [
        Check(
            name=f"ROC-AUC, {_BASE}",
            champion=None,
            challenger=roc_auc,
            threshold=rules.minimum_roc_auc,
            passed=roc_auc >= rules.minimum_roc_auc,
            requirement=at_least(rules.minimum_roc_auc),
            evidence=posts,
        ),
        _beyond_chance(_BASE, labels, scores, group_of, rules.maximum_chance),
        Check(
            name=BASELINE_F1,
            champion=None,
            challenger=quality.f1,
            threshold=baseline,
            passed=quality.f1 >= baseline,
            requirement=f"{at_least(baseline)}, the F1 of calling every post {TASK.label.name(1)}",
            evidence=posts,
        ),
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
        name=f"p-value of ROC-AUC, {name}",
        champion=None,
        challenger=chance,
        threshold=maximum,
        passed=chance <= maximum,
        requirement=at_most(maximum),
        evidence=f"permutation test, {counted(len(set(group_of)), 'independent post')}",
    )


def as_good_on_base_holdout(base: ScoredPosts, rules: GateRules) -> list[Check]:
    differences = base.compare(rules.confidence)
    champion, challenger = base.qualities()
    margin = rules.base_f1_margin
    limit = champion.calibration_error + rules.calibration_margin
    posts = counted(len(base), "post")
    return [
        Check(
            name=f"F1, {base.name}",
            champion=champion.f1,
            challenger=challenger.f1,
            threshold=champion.f1 - margin,
            passed=differences.f1.low >= -margin,
            requirement=with_confidence(f"a loss of {at_most(margin)}", rules.confidence),
            evidence=f"{at_worst(differences.f1, differences.f1.low)}, {posts}",
        ),
        _brier_no_worse(base, rules.base_brier_margin, differences, rules),
        Check(
            name=f"calibration error, {base.name}",
            champion=champion.calibration_error,
            challenger=challenger.calibration_error,
            threshold=limit,
            passed=challenger.calibration_error <= limit,
            requirement=f"{at_most(limit)}, the champion's plus {rules.calibration_margin:g}",
            evidence=posts,
        ),
    ]


def better_on_new_holdout(
    new: ScoredPosts, challenger: Contender, champion: Contender, rules: GateRules
) -> list[Check]:
    if len(new) < rules.minimum_posts:
        return [_too_few(new, rules)]
    differences = new.compare(rules.confidence)
    return [
        _plausible(new),
        # Random labels favour low confidence: a challenger with less confidence gains on them, and
        # learns nothing.
        _new_beyond_chance(new, rules),
        _brier_no_worse(new, rules.new_brier_margin, differences, rules),
        _f1_does_not_fall(new, new.name, rules.confidence, rules),
        _improvement(new, differences, challenger, champion, rules),
    ]


def as_good_on_new_holdout(new: ScoredPosts, rules: GateRules) -> list[Check]:
    """Require no gain over a champion with other features: its imputed values show no drift."""
    if len(new) < rules.minimum_posts:
        return [_too_few(new, rules)]
    return [
        _new_beyond_chance(new, rules),
        _brier_no_worse(new, rules.new_brier_margin, new.compare(rules.confidence), rules),
        _f1_does_not_fall(new, new.name, rules.confidence, rules),
    ]


def _too_few(new: ScoredPosts, rules: GateRules) -> Check:
    return Check.not_applicable(
        f"all checks, {new.name}", too_few(counted(len(new), "post"), rules.minimum_posts)
    )


def _plausible(new: ScoredPosts) -> Check:
    """Check that the champion is better than chance on the new labels.

    Otherwise they are wrong: flipped by mistake, or on purpose to invert the model.
    """
    name, posts = f"ROC-AUC of champion, {new.name}", counted(len(new), "post")
    champion, _ = new.qualities()
    if champion.roc_auc is None:
        return Check.not_applicable(name, f"all labels are equal, {posts}")
    return Check(
        name=name,
        champion=champion.roc_auc,
        challenger=None,
        threshold=0.5,
        passed=champion.roc_auc >= 0.5,
        requirement=f"{at_least(0.5)}; below it, the new labels are probably wrong: review them",
        evidence=posts,
    )


def _new_beyond_chance(new: ScoredPosts, rules: GateRules) -> Check:
    return _beyond_chance(
        new.name, labels_of(new.posts), new.challenger, new.groups, 1 - rules.confidence
    )


def _improvement(
    new: ScoredPosts,
    differences: Comparison,
    challenger: Contender,
    champion: Contender,
    rules: GateRules,
) -> Check:
    """Require a better Brier score, or training posts more similar to the new holdout."""
    name = f"improvement in {{}}, {new.name}"
    before, after = new.qualities()
    found = at_worst(differences.brier, differences.brier.high)
    by_brier = Check(
        name=name.format("Brier score"),
        champion=before.brier,
        challenger=after.brier,
        threshold=before.brier,
        passed=differences.brier.high < 0,
        requirement=with_confidence("a lower one", rules.confidence),
        evidence=f"{found}, {counted(len(new), 'post')}",
    )
    if by_brier.passed:
        return by_brier
    if not champion.posts:
        return _without_distance(by_brier, "the champion's training posts are deleted")
    distance = [distance_to_training(new.posts, one.posts) for one in (champion, challenger)]
    if np.isnan(numbers_of(new.posts)).all() and distance[0] == 0:
        return _without_distance(by_brier, "the posts lack numeric features")
    limit = distance[0] - rules.minimum_distance_reduction
    if distance[1] > limit:
        both = f"the distance is {distance[1]:.3f} (champion {distance[0]:.3f})"
        return _without_distance(by_brier, f"{both}, {at_most(limit)} needed")
    return Check(
        name=name.format("distance to training posts"),
        champion=distance[0],
        challenger=distance[1],
        threshold=limit,
        passed=True,
        requirement=f"{at_most(limit)}, or a lower Brier score with "
        f"{100 * rules.confidence:.4g} % confidence",
        evidence=f"mean Kolmogorov-Smirnov distance of the numeric features; Brier score: {found}",
    )


def _without_distance(by_brier: Check, why: str) -> Check:
    said = f"training posts more like the new holdout would suffice too, but {why}"
    return replace(by_brier, evidence=f"{by_brier.evidence}; {said}")


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
    return [
        _f1_does_not_fall(posts, f"community {posts.name}", confidence, rules) for posts in judged
    ]


def _brier_no_worse(
    posts: ScoredPosts, margin: float, differences: Comparison, rules: GateRules
) -> Check:
    champion, challenger = posts.qualities()
    found = at_worst(differences.brier, differences.brier.high)
    return Check(
        name=f"Brier score, {posts.name}",
        champion=champion.brier,
        challenger=challenger.brier,
        threshold=champion.brier + margin,
        passed=differences.brier.high <= margin,
        requirement=with_confidence(f"a rise of {at_most(margin)}", rules.confidence),
        evidence=f"{found}, {counted(len(posts), 'post')}",
    )


def _f1_does_not_fall(
    posts: ScoredPosts, measured_on: str, confidence: float, rules: GateRules
) -> Check:
    difference = posts.compare(confidence).f1
    champion, challenger = posts.qualities()
    margin = rules.community_f1_margin
    return Check(
        name=f"F1, {measured_on}",
        champion=champion.f1,
        challenger=challenger.f1,
        threshold=champion.f1 - margin,
        passed=difference.value >= -margin or difference.high >= 0,
        requirement=with_confidence(
            f"falls by {at_most(margin)}, or the fall is not significant", confidence
        ),
        evidence=f"{at_best(difference, difference.high)}, {counted(len(posts), 'post')}",
    )
