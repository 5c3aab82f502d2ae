"""The words of a check: what it requires, its evidence, its result, and one sentence of all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from stresswatch.text.wording import counted

if TYPE_CHECKING:
    from stresswatch.evaluation.paired_bootstrap import Difference

HOLDOUTS = (
    "Holdouts are labelled posts that neither version was trained on: the base holdout is from "
    "the base data, the new holdout from labels submitted later. A community's posts are from both."
)
"""What a reader needs to know about the posts in the names of the gate's checks."""

PROBATION_ROLES = ("previous champion", "champion")
"""The two versions of a probation, in the places of champion and challenger."""


class Result(StrEnum):
    """The result of a check."""

    PASSED = "passed"
    FAILED = "FAILED"
    NOT_APPLICABLE = "not applicable"


def result_of(check: Mapping[str, Any]) -> Result:
    """Return the result of a check of a verdict's dictionary."""
    if not check["passed"]:
        return Result.FAILED
    # Checks of earlier releases always apply.
    return Result.PASSED if check.get("applies", True) else Result.NOT_APPLICABLE


def results_in_words(checks: Iterable[Mapping[str, Any]]) -> str:
    """Count the checks by result, such as ``18 checks passed, 1 not applicable``."""
    counts = Counter(map(result_of, checks))
    others = [
        f", {counts[one]} {one}" for one in (Result.FAILED, Result.NOT_APPLICABLE) if counts[one]
    ]
    return f"{counted(counts[Result.PASSED], 'check')} passed{''.join(others)}"


def sentence(
    check: Mapping[str, Any], champion: str = "champion", challenger: str = "challenger"
) -> str:
    """Describe a check: its name, both versions' values, the evidence and the requirement."""
    # Checks of earlier releases have a reason instead of evidence and requirement.
    evidence = check.get("evidence", check.get("reason"))
    versions = {"champion": champion, "challenger": challenger}
    values = [
        f"{name} {check[who]:.3f}" for who, name in versions.items() if check[who] is not None
    ]
    told = f"{check['name']}: {', '.join([*values, *([evidence] if evidence else [])])}"
    requirement = check.get("requirement")
    return f"{told}; required: {requirement}" if requirement else told


def at_least(limit: float) -> str:
    return f"at least {limit:.3f}"


def at_most(limit: float) -> str:
    return f"at most {limit:.3f}"


def with_confidence(requirement: str, confidence: float) -> str:
    """Add the confidence of the bound that must meet a requirement."""
    return f"{requirement}, with {100 * confidence:.4g} % confidence"


def at_worst(found: Difference, bound: float) -> str:
    """Describe a difference with its unfavourable bound: the low one if more is better."""
    return f"difference {found.value:+.3f}, at worst {bound:+.3f}"


def at_best(found: Difference, bound: float) -> str:
    return f"difference {found.value:+.3f}, at best {bound:+.3f}"


def too_few(found: str, minimum: int) -> str:
    """Describe why a check does not apply."""
    return f"{found}, at least {minimum} needed"


def live_posts(count: int, trained_on: int) -> str:
    """Count labelled live posts, and those left out because a version was trained on them."""
    excluded = f", {counted(trained_on, 'training post')} excluded" if trained_on else ""
    return f"{counted(count, 'labelled live post')}{excluded}"
