"""The difference between a model's task and the current task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stresswatch.contracts.posts import NUMERIC_FEATURES
from stresswatch.task.definition import TASK


@dataclass(frozen=True)
class TaskChange:
    """Changes between a model's training and now.

    Attributes
    ----------
    removed : tuple of str
        Features that the model reads and posts no longer have: it imputes them.
    added : tuple of str
        Features that posts have and the model ignores.
    predicts : str or None
        The model's label and classes, if the task has others.
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
        """Compare a model's features and label with the current ones; None if they are equal.

        The order of features does not matter. A label of None is unknown, and not compared.
        """
        change = TaskChange(
            removed=tuple(name for name in features if name not in now),
            added=tuple(name for name in now if name not in features),
            predicts=None if predicts == TASK.label.meaning else predicts,
        )
        return None if change == _NONE else change

    def __str__(self) -> str:
        removed, added = (", ".join(names) for names in (self.removed, self.added))
        parts = [
            *([f"it reads {removed}, which posts no longer have"] if removed else []),
            *([f"it lacks {added}, which posts have"] if added else []),
            *([f"it predicts {self.predicts}, not {TASK.label.meaning}"] if self.predicts else []),
        ]
        return f"The champion was trained for another task: {', and '.join(parts)}."

    @property
    def advice(self) -> str:
        """The consequence for an operator, and the remedy."""
        if self.predicts:
            meanwhile = "It is not served, and posts wait in the stream"
            remedy = "`stresswatch seed --replace FILE` and `stresswatch retrain --force` make one"
        else:
            meanwhile = "It keeps serving"
            remedy = "`stresswatch retrain --force` trains one"
        return f"{self} {meanwhile} until a model for this task is promoted: {remedy}."


_NONE = TaskChange((), ())
