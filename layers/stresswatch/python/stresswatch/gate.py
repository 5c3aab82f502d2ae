"""The gate: whether a challenger may take the champion's place.

Both are scored on the same posts of the evaluation split, which neither was trained on: the
standing ones of the base data set and the fresh ones that were labelled since.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from stresswatch.artefact import Artefact
from stresswatch.posts import LabelledPost
from stresswatch.quality import Quality, measure

LOWEST_ROC_AUC = 0.7
STANDING_F1_MARGIN = 0.02
STANDING_BRIER_MARGIN = 0.01
FRESH_F1_MARGIN = 0.05
"""Wide, as few posts are fresh; there the Brier score, whose noise is smaller, must improve."""
MINIMUM_FRESH_POSTS = 30
"""Below this many fresh evaluation posts a difference says nothing, and is not asked for."""


@dataclass(frozen=True)
class Check:
    """One line of the verdict.

    Attributes
    ----------
    champion, challenger : float or None
        The value of each; None where there is no champion or nothing was measured.
    threshold : float or None
        What the challenger's value was held against.
    """

    name: str
    champion: float | None
    challenger: float | None
    threshold: float | None
    passed: bool
    reason: str


@dataclass(frozen=True)
class Verdict:
    """The checks, all of which a challenger must pass."""

    checks: tuple[Check, ...]

    @property
    def accepted(self) -> bool:
        return all(check.passed for check in self.checks)

    def as_dict(self) -> dict[str, object]:
        return {"accepted": self.accepted, "checks": [asdict(check) for check in self.checks]}


def decide(
    challenger: Artefact, champion: Artefact | None, posts: Sequence[LabelledPost]
) -> Verdict:
    """Judge a challenger.

    Parameters
    ----------
    champion : Artefact or None
        None before the first promotion.
    posts : sequence of LabelledPost
        The evaluation split; those with `labelled_at` are the fresh ones.

    Raises
    ------
    ValueError
        When there is no standing post: nothing can be compared.
    """
    standing = [post for post in posts if post.labelled_at is None]
    fresh = [post for post in posts if post.labelled_at is not None]
    if not standing:
        raise ValueError("the gate needs a standing post in the evaluation split")
    standing_quality = _measure(challenger, standing)
    checks = _worth_serving(standing_quality)
    if champion:
        checks += _compare(
            "standing posts",
            standing_quality,
            _measure(champion, standing),
            f1_margin=STANDING_F1_MARGIN,
            brier_margin=STANDING_BRIER_MARGIN,
        )
    if champion and len(fresh) >= MINIMUM_FRESH_POSTS:
        checks += _compare(
            "fresh posts",
            _measure(challenger, fresh),
            _measure(champion, fresh),
            f1_margin=FRESH_F1_MARGIN,
            brier_margin=0.0,
        )
    return Verdict(tuple(checks))


def _worth_serving(quality: Quality) -> list[Check]:
    # Calling every post stressed has recall 1 and the share of stressed posts as its precision.
    share = quality.stressed / quality.posts
    call_all_stressed = 2 * share / (1 + share)
    return [
        _at_least("ROC-AUC, standing posts", quality.roc_auc or 0.0, None, LOWEST_ROC_AUC),
        _at_least("F1 over calling all stressed", quality.f1, None, call_all_stressed),
    ]


def _compare(
    posts: str, challenger: Quality, champion: Quality, *, f1_margin: float, brier_margin: float
) -> list[Check]:
    brier_limit = champion.brier + brier_margin
    return [
        _at_least(f"F1, {posts}", challenger.f1, champion.f1, champion.f1 - f1_margin),
        Check(
            name=f"Brier score, {posts}",
            champion=champion.brier,
            challenger=challenger.brier,
            threshold=brier_limit,
            passed=challenger.brier <= brier_limit,
            reason=f"{challenger.brier:.3f} must be at most {brier_limit:.3f}",
        ),
    ]


def _at_least(name: str, challenger: float, champion: float | None, threshold: float) -> Check:
    return Check(
        name=name,
        champion=champion,
        challenger=challenger,
        threshold=threshold,
        passed=challenger >= threshold,
        reason=f"{challenger:.3f} must be at least {threshold:.3f}",
    )


def _measure(artefact: Artefact, posts: Sequence[LabelledPost]) -> Quality:
    numbers = np.array([labelled.post.numbers for labelled in posts], dtype=np.float64)
    scores = artefact.score([labelled.post.text for labelled in posts], numbers)
    return measure(np.array([labelled.label for labelled in posts]), scores.probability)
