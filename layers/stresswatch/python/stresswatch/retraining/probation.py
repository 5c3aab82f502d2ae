"""The probation of a new champion: when it is checked, and when it is rolled back.

The gate requires evidence that a challenger is no worse. Here the burden of proof is reversed: a
champion is rolled back only on evidence that it is worse, beyond chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from stresswatch.evaluation.proportions import wilson_bounds
from stresswatch.retraining.check_words import (
    at_best,
    at_least,
    at_most,
    live_posts,
    too_few,
    with_confidence,
)
from stresswatch.retraining.gate_rules import GateRules
from stresswatch.retraining.live_comparison import LiveComparison
from stresswatch.retraining.verdict import Basis, Check, Verdict
from stresswatch.text.wording import counted

BARRED_BY = "its probation"
"""The author of automatic rollbacks."""
_SHARES = (1 / 8, 1 / 4, 1 / 2, 1)
"""Times of the checks, as shares of the probation: an early one for bad versions, then few."""
SETTLES = timedelta(seconds=5)
"""Longest delay between an answer and its archived shadow prediction."""


def looks(
    start: datetime, end: datetime, now: datetime
) -> tuple[Sequence[datetime], Sequence[datetime]]:
    """Return the times of past checks, and of those ahead.

    A check is past once all answers up to it are settled.
    """
    times = [start + share * (end - start) for share in _SHARES]
    past = [time for time in times if time + SETTLES <= now]
    return past, times[len(past) :]


def judge_probation(
    live: LiveComparison, rules: GateRules, basis: Basis = Basis.CHAMPION
) -> Verdict:
    """Compare a new champion with the previous one on live posts that the latter shadowed.

    There are several checks, and a good champion must pass each of them. So each check has its
    share of the error rate (Bonferroni). Agreement is not required with a previous champion that
    was trained for other features.
    """
    confidence = 1 - (1 - rules.confidence) / len(_SHARES)
    checks = [_answered(live, rules, confidence), _live_quality(live, rules, confidence)]
    if basis is Basis.CHAMPION:
        checks.insert(1, _agreement(live, rules, confidence))
    return Verdict(tuple(checks))


def _answered(live: LiveComparison, rules: GateRules, confidence: float) -> Check:
    name = "answered, live posts"
    return _share(name, live.both, live.posts, 1 - rules.maximum_unanswered, rules, confidence)


def _agreement(live: LiveComparison, rules: GateRules, confidence: float) -> Check:
    name = "agreement with previous champion, live posts"
    return _share(name, live.agreeing, live.both, rules.minimum_agreement, rules, confidence)


def _share(
    name: str, hits: int, total: int, minimum: float, rules: GateRules, confidence: float
) -> Check:
    """Check that a share is not significantly below a minimum."""
    if total < rules.minimum_posts:
        why = too_few(counted(total, "live post"), rules.minimum_posts)
        return Check.not_applicable(name, why)
    _, high = wilson_bounds(hits, total, confidence)
    return Check(
        name=name,
        champion=None,
        challenger=hits / total,
        threshold=minimum,
        passed=high >= minimum,
        requirement=with_confidence(f"{at_least(minimum)} at best", confidence),
        evidence=f"{hits:,} of {counted(total, 'live post')}, at best {high:.3f}",
    )


def _live_quality(live: LiveComparison, rules: GateRules, confidence: float) -> Check:
    name, margin = "Brier score, labelled live posts", rules.probation_brier_margin
    posts = live_posts(len(live.labelled), live.trained_on)
    if len(live.labelled) < rules.minimum_posts:
        return Check.not_applicable(name, too_few(posts, rules.minimum_posts))
    before, rise = live.brier(confidence)
    return Check(
        name=name,
        champion=before,
        challenger=before + rise.value,
        threshold=before + margin,
        passed=rise.low <= margin,
        requirement=with_confidence(f"a rise of {at_most(margin)} at best", confidence),
        evidence=f"{at_best(rise, rise.low)}, {posts}",
    )
