"""A verdict on a version: its checks, whether all passed, and a probation's outcomes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum


@dataclass(frozen=True)
class Check:
    """A check of the verdict.

    Attributes
    ----------
    champion, challenger : float or None
        The values; None without a champion or a measurement.
    threshold : float or None
        The limit of the values; the requirement says how it applies.
    requirement : str
        What the challenger must reach, such as ``at least 0.700``.
    evidence : str
        The posts and the bound behind the result, or why the check does not apply.
    applies : bool
        A check that does not apply counts as passed.
    """

    name: str
    champion: float | None
    challenger: float | None
    threshold: float | None
    passed: bool
    requirement: str
    evidence: str = ""
    applies: bool = True

    @staticmethod
    def not_applicable(name: str, why: str) -> Check:
        return Check(name, None, None, None, True, requirement="", evidence=why, applies=False)


class Basis(StrEnum):
    """The basis of a comparison."""

    CHAMPION = "champion"
    """With a champion trained for the same numeric features."""
    COMMON_FEATURES = "common_features"
    """With a champion trained for others: it reads the common features and imputes the rest."""
    ALONE = "alone"
    """Without a champion, or without one that can be compared."""


@dataclass(frozen=True)
class Verdict:
    """The checks, all of which must pass.

    Attributes
    ----------
    basis : Basis
    remark : str
        Why it was not compared with a champion for the same features; otherwise empty.
    """

    checks: tuple[Check, ...]
    basis: Basis = Basis.CHAMPION
    remark: str = ""

    @property
    def accepted(self) -> bool:
        return all(check.passed for check in self.checks)

    def as_dict(self) -> dict[str, object]:
        return {"accepted": self.accepted, "checks": [asdict(check) for check in self.checks]}


class Outcome(StrEnum):
    """The outcome of a check of a new champion."""

    GOES_ON = "goes_on"
    KEPT = "kept"
    ROLLED_BACK = "rolled_back"
    OVERTAKEN = "overtaken"
    """Another version serves by now, for example after an operator's rollback."""
