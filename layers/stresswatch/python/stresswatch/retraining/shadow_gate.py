"""The verdict on a shadowing challenger, by its predictions of live posts."""

from __future__ import annotations

from stresswatch.retraining.gate_rules import GateRules
from stresswatch.retraining.live_comparison import LiveComparison
from stresswatch.retraining.verdict import Basis, Check, Verdict


def judge_shadow(live: LiveComparison, rules: GateRules, basis: Basis = Basis.CHAMPION) -> Verdict:
    """Judge a challenger by its predictions of the posts that the champion predicted.

    Agreement is not required with a champion that was trained for other features.
    """
    if live.posts < rules.minimum_posts:
        reason = f"not judged: {live.posts} of at least {rules.minimum_posts} live posts"
        return Verdict((Check("live posts", None, None, None, passed=True, reason=reason),))
    checks = [_coverage(live, rules), _live_quality(live, rules)]
    if basis is Basis.CHAMPION:
        checks.insert(1, _agreement(live, rules))
    return Verdict(tuple(checks))


def parent_gone(parent: str, serving: str) -> Verdict:
    """Reject a challenger whose champion has been replaced since the comparison."""
    reason = f"it was judged against {parent}, and {serving} serves now"
    return Verdict((Check("the same champion", None, None, None, passed=False, reason=reason),))


def _coverage(live: LiveComparison, rules: GateRules) -> Check:
    share = live.both / live.posts
    return Check(
        name="coverage of live posts",
        champion=1.0,
        challenger=share,
        threshold=rules.minimum_shadow_coverage,
        passed=share >= rules.minimum_shadow_coverage,
        reason=f"must be at least {rules.minimum_shadow_coverage:.3f}",
    )


def _agreement(live: LiveComparison, rules: GateRules) -> Check:
    agreement = live.agreeing / live.both if live.both else 0.0
    return Check(
        name="agreement on live posts",
        champion=None,
        challenger=agreement,
        threshold=rules.minimum_agreement,
        passed=agreement >= rules.minimum_agreement,
        reason=f"must be at least {rules.minimum_agreement:.3f}",
    )


def _live_quality(live: LiveComparison, rules: GateRules) -> Check:
    """Compare both versions on the labelled live posts."""
    name = "Brier score, labelled live posts"
    left_out = f", {live.trained_on} training posts excluded" if live.trained_on else ""
    if len(live.labelled) < rules.minimum_posts:
        reason = (
            f"not judged: {len(live.labelled)} of at least {rules.minimum_posts} labelled live "
            f"posts{left_out}"
        )
        return Check(name, None, None, None, passed=True, reason=reason)
    before, brier = live.brier(rules.confidence)
    return Check(
        name=name,
        champion=before,
        challenger=before + brier.value,
        threshold=before + rules.new_brier_margin,
        passed=brier.high <= rules.new_brier_margin,
        reason=(
            f"{brier}: bounds must show a rise of at most {rules.new_brier_margin:.3f}{left_out}"
        ),
    )
