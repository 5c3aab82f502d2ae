"""What the gate says of a challenger: its checks, and whether all of them were passed."""

from __future__ import annotations

from dataclasses import asdict, dataclass


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


@dataclass(frozen=True)
class Verdict:
    """The checks, all of which a challenger must pass."""

    checks: tuple[Check, ...]

    @property
    def accepted(self) -> bool:
        return all(check.passed for check in self.checks)

    def as_dict(self) -> dict[str, object]:
        return {"accepted": self.accepted, "checks": [asdict(check) for check in self.checks]}
