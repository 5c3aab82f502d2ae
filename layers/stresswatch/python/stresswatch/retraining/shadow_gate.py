"""The verdict on a shadowing challenger, by its predictions of live posts."""

from __future__ import annotations

from stresswatch.retraining.check_words import (
    at_least,
    at_most,
    at_worst,
    live_posts,
    too_few,
    with_confidence,
)
from stresswatch.retraining.gate_rules import GateRules
from stresswatch.retraining.live_comparison import LiveComparison
from stresswatch.retraining.verdict import Basis, Check, Verdict
from stresswatch.text.wording import counted


def judge_shadow(live: LiveComparison, rules: GateRules, basis: Basis = Basis.CHAMPION) -> Verdict:
    """Judge a challenger by its predictions of the posts that the champion predicted.

    Agreement is not required with a champion that was trained for other features.
    """
    if live.posts < rules.minimum_posts:
        why = too_few(counted(live.posts, "live post"), rules.minimum_posts)
        return Verdict((Check.not_applicable("all checks, live posts", why),))
    checks = [_coverage(live, rules), _live_quality(live, rules)]
    if basis is Basis.CHAMPION:
        checks.insert(1, _agreement(live, rules))
    return Verdict(tuple(checks))


def parent_gone(parent: str, serving: str) -> Verdict:
    """Reject a challenger whose champion has been replaced since the comparison."""
    evidence = f"the gate compared it with {parent}, but {serving} serves now"
    check = Check("champion since the gate", None, None, None, False, "unchanged", evidence)
    return Verdict((check,))


def _coverage(live: LiveComparison, rules: GateRules) -> Check:
    share = live.both / live.posts
    return Check(
        name="coverage, live posts",
        champion=1.0,
        challenger=share,
        threshold=rules.minimum_shadow_coverage,
        passed=share >= rules.minimum_shadow_coverage,
        requirement=at_least(rules.minimum_shadow_coverage),
        evidence=f"it scored {live.both:,} of {counted(live.posts, 'post')}",
    )


def _agreement(live: LiveComparison, rules: GateRules) -> Check:
    agreement = live.agreeing / live.both if live.both else 0.0
    return Check(
        name="agreement with champion, live posts",
        champion=None,
        challenger=agreement,
        threshold=rules.minimum_agreement,
        passed=agreement >= rules.minimum_agreement,
        requirement=at_least(rules.minimum_agreement),
        evidence=f"the same class for {live.agreeing:,} of {counted(live.both, 'post')}",
    )


def _live_quality(live: LiveComparison, rules: GateRules) -> Check:
    """Compare both versions on the labelled live posts."""
    name = "Brier score, labelled live posts"
    posts = live_posts(len(live.labelled), live.trained_on)
    if len(live.labelled) < rules.minimum_posts:
        return Check.not_applicable(name, too_few(posts, rules.minimum_posts))
    before, brier = live.brier(rules.confidence)
    return Check(
        name=name,
        champion=before,
        challenger=before + brier.value,
        threshold=before + rules.new_brier_margin,
        passed=brier.high <= rules.new_brier_margin,
        requirement=with_confidence(
            f"a rise of {at_most(rules.new_brier_margin)}", rules.confidence
        ),
        evidence=f"{at_worst(brier, brier.high)}, {posts}",
    )
