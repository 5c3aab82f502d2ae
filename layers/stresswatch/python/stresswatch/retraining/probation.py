"""The probation of a new champion: when it is looked at, and what rolls it back.

The gate asks a challenger to show that it is no worse. Here the doubt counts for the version that
serves: it is rolled back by what is shown against it, and by nothing that chance explains.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from stresswatch.evaluation.proportions import wilson_bounds
from stresswatch.retraining.gate_rules import GateRules
from stresswatch.retraining.live_comparison import LiveComparison
from stresswatch.retraining.verdict import Basis, Check, Verdict
from stresswatch.text.wording import counted

BARRED_BY = "its probation"
"""Who bars a version that is rolled back without an operator."""
_SHARES = (1 / 8, 1 / 4, 1 / 2, 1)
"""When a champion is looked at, in shares of the probation: soon if it is bad, and few times."""
SETTLES = timedelta(seconds=5)
"""How long after an answer it is archived, and scored by the version that shadows, at most."""


def looks(
    start: datetime, end: datetime, now: datetime
) -> tuple[Sequence[datetime], Sequence[datetime]]:
    """Return the times up to which a probation is judged, those that are past and those ahead.

    A time is past once what was answered by then has settled in the archive.
    """
    times = [start + share * (end - start) for share in _SHARES]
    past = [time for time in times if time + SETTLES <= now]
    return past, times[len(past) :]


def judge_probation(
    live: LiveComparison, rules: GateRules, basis: Basis = Basis.CHAMPION
) -> Verdict:
    """Judge a new champion beside the previous one by the live posts that this one scored.

    A champion is looked at several times, and one that is as good as the previous one must pass
    each time: so each look has its part of the doubt that the rules leave (Bonferroni). It need
    not agree with a previous one that was trained for other features.
    """
    confidence = 1 - (1 - rules.confidence) / len(_SHARES)
    checks = [_answered(live, rules, confidence), _live_quality(live, rules, confidence)]
    if basis is Basis.CHAMPION:
        checks.insert(1, _agreement(live, rules, confidence))
    return Verdict(tuple(checks))


def _answered(live: LiveComparison, rules: GateRules, confidence: float) -> Check:
    name = "live posts that the new champion answered"
    return _share(name, live.both, live.posts, 1 - rules.maximum_unanswered, rules, confidence)


def _agreement(live: LiveComparison, rules: GateRules, confidence: float) -> Check:
    name = "agreement with the previous champion"
    return _share(name, live.agreeing, live.both, rules.minimum_agreement, rules, confidence)


def _share(
    name: str, hits: int, total: int, minimum: float, rules: GateRules, confidence: float
) -> Check:
    """Ask whether a share is shown to be below a minimum."""
    if total < rules.minimum_posts:
        return _not_judged(name, counted(total, "live post"), rules)
    _, high = wilson_bounds(hits, total, confidence)
    return Check(
        name=name,
        champion=None,
        challenger=hits / total,
        threshold=minimum,
        passed=high >= minimum,
        reason=f"at most {high:.3f}: must not be shown to be below {minimum:.3f}",
    )


def _live_quality(live: LiveComparison, rules: GateRules, confidence: float) -> Check:
    name, margin = "Brier score, labelled live posts", rules.probation_brier_margin
    left_out = f", {live.trained_on} were trained on" if live.trained_on else ""
    if len(live.labelled) < rules.minimum_posts:
        return _not_judged(name, f"{len(live.labelled)} labelled live posts{left_out}", rules)
    before, rise = live.brier(confidence)
    return Check(
        name=name,
        champion=before,
        challenger=before + rise.value,
        threshold=before + margin,
        passed=rise.low <= margin,
        reason=f"{rise}: must not be shown to rise by more than {margin:.3f}{left_out}",
    )


def _not_judged(name: str, found: str, rules: GateRules) -> Check:
    reason = f"not judged: {found}, of at least {rules.minimum_posts}"
    return Check(name, None, None, None, passed=True, reason=reason)
