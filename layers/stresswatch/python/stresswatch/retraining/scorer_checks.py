"""The gate's checks of the scorer itself: its kind, its size and its speed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.model.scorer import (
    MAXIMUM_PIPELINE_BYTES,
    Scorer,
    ScorerKind,
    ScorerNotAllowed,
)
from stresswatch.retraining.check_words import at_most
from stresswatch.retraining.contenders import Contender, score
from stresswatch.retraining.gate_rules import GateRules
from stresswatch.retraining.verdict import Check, Verdict

_TIMED_POSTS = 500
_TIMED_ROUNDS = 5


def not_allowed(error: ScorerNotAllowed, not_exportable: str) -> Verdict:
    """Reject a version that the stage cannot score."""
    evidence = f"{error} ({not_exportable})"
    check = Check("scorer", None, None, None, False, "one that the stage allows", evidence)
    return Verdict((check,))


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
        requirement=f"at most {limit / 1e6:.1f}, for the scorer {scorer.kind}",
    )


def as_fast(
    challenger: Scorer,
    champion: Scorer,
    posts: Sequence[LabelledPost],
    rules: GateRules,
    clock: Callable[[], float],
) -> Check:
    name = "scoring time, µs per post"
    if challenger.kind is not champion.kind:
        why = f"scored by {challenger.kind}, the champion by {champion.kind}"
        return Check.not_applicable(name, why)
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
        requirement=f"{at_most(limit)}, {rules.maximum_slowdown:g} times the champion's",
    )
