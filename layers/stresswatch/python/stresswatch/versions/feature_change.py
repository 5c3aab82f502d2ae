"""How the numeric features that a model was trained for differ from those that posts have now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stresswatch.contracts.posts import NUMERIC_FEATURES


@dataclass(frozen=True)
class FeatureChange:
    """What changed between a model's training and now.

    Attributes
    ----------
    removed : tuple of str
        Features that the model reads and posts have no more: it imputes them.
    added : tuple of str
        Features that posts have and the model does not read.
    """

    removed: tuple[str, ...]
    added: tuple[str, ...]

    @staticmethod
    def since(
        features: Sequence[str], now: Sequence[str] = NUMERIC_FEATURES
    ) -> FeatureChange | None:
        """Compare a model's features with others; None where they are the same, in any order."""
        removed = tuple(name for name in features if name not in now)
        added = tuple(name for name in now if name not in features)
        return FeatureChange(removed, added) if removed or added else None

    def __str__(self) -> str:
        removed, added = (", ".join(names) for names in (self.removed, self.added))
        parts = [
            *([f"it reads {removed}, which posts have no more"] if removed else []),
            *([f"it lacks {added}, which posts have"] if added else []),
        ]
        return f"The champion was trained for another task: {', and '.join(parts)}."

    @property
    def advice(self) -> str:
        """What it means for an operator, and the way out."""
        return (
            f"{self} It goes on serving, and imputes what it lacks. "
            "`stresswatch retrain --force` trains a model for this task."
        )
