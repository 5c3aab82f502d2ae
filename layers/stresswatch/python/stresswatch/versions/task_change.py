"""How the task that a model was trained for differs from the task of now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stresswatch.contracts.posts import NUMERIC_FEATURES
from stresswatch.task.definition import TASK


@dataclass(frozen=True)
class TaskChange:
    """What changed between a model's training and now.

    Attributes
    ----------
    removed : tuple of str
        Features that the model reads and posts have no more: it imputes them.
    added : tuple of str
        Features that posts have and the model does not read.
    predicts : str or None
        The label that the model predicts, where the task asks for another.
    """

    removed: tuple[str, ...]
    added: tuple[str, ...]
    predicts: str | None = None

    @staticmethod
    def since(
        features: Sequence[str],
        predicts: str | None = None,
        now: Sequence[str] = NUMERIC_FEATURES,
    ) -> TaskChange | None:
        """Compare a model's features and label with those of now; None where they are the same.

        The order of features is no difference. A label of None is not known, and not compared.
        """
        change = TaskChange(
            removed=tuple(name for name in features if name not in now),
            added=tuple(name for name in now if name not in features),
            predicts=None if predicts == TASK.label.field else predicts,
        )
        return None if change == _NONE else change

    def __str__(self) -> str:
        removed, added = (", ".join(names) for names in (self.removed, self.added))
        parts = [
            *([f"it reads {removed}, which posts have no more"] if removed else []),
            *([f"it lacks {added}, which posts have"] if added else []),
            *([f"it predicts {self.predicts}, not {TASK.label.field}"] if self.predicts else []),
        ]
        return f"The champion was trained for another task: {', and '.join(parts)}."

    @property
    def advice(self) -> str:
        """What it means for an operator, and the way out."""
        meanwhile = (
            "It is not served, and posts wait in the stream"
            if self.predicts
            else "It goes on serving"
        )
        return (
            f"{self} {meanwhile} until a model for this task is promoted: "
            "`stresswatch retrain --force` trains one."
        )


_NONE = TaskChange((), ())
