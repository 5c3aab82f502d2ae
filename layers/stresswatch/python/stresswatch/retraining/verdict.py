"""What is said of a version: its checks, whether it passed them all, and what a probation does."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum


@dataclass(frozen=True)
class Check:
    """One line of the verdict.

    Attributes
    ----------
    champion, challenger : float or None
        The value of each; None where there is no champion or nothing was measured.
    threshold : float or None
        What was held against; the reason says how.
    """

    name: str
    champion: float | None
    challenger: float | None
    threshold: float | None
    passed: bool
    reason: str


class Basis(StrEnum):
    """What a version is judged by."""

    CHAMPION = "champion"
    """Beside a champion that was trained for the same numeric features."""
    COMMON_FEATURES = "common_features"
    """Beside one that was trained for others: it reads those that both know, and imputes more."""
    ALONE = "alone"
    """On its own merits: there is no champion, or none that it can be compared with."""


@dataclass(frozen=True)
class Verdict:
    """The checks, all of which a challenger must pass.

    Attributes
    ----------
    basis : Basis
    remark : str
        Why it was not judged beside a champion of the same features; else empty.
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
    """What a look at a new champion comes to."""

    GOES_ON = "goes_on"
    KEPT = "kept"
    ROLLED_BACK = "rolled_back"
    OVERTAKEN = "overtaken"
    """Another version serves by now, after a rollback by an operator for instance."""
