"""An annotator's unsubmitted answers, in a file without post text."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from cli.errors import OperatorError


@dataclass(frozen=True)
class Answer:
    """A label with its time; the prediction's id names the post.

    Raises
    ------
    ValueError
        For an answer that `stresswatch annotate` would never give.
    """

    prediction_id: str
    label: int
    labelled_at: str

    def __post_init__(self) -> None:
        if self.label not in (0, 1):
            raise ValueError("a label must be 0 or 1")
        datetime.fromisoformat(self.labelled_at)


class Progress:
    """A file of answers, one per line, that stays complete when the command is interrupted.

    Raises
    ------
    OperatorError
        When the file has other content.
    """

    def __init__(self, path: Path):
        self._path = path
        self.answers: list[Answer] = []
        if path.exists():
            try:
                lines = path.read_text().splitlines()
                self.answers = [Answer(**json.loads(line)) for line in lines]
            except (TypeError, ValueError) as error:
                raise OperatorError(
                    f"{path} does not hold answers of `stresswatch annotate`; give another "
                    "--progress."
                ) from error

    def add(self, answer: Answer) -> None:
        self._write([*self.answers, answer])

    def remove(self, prediction_ids: Collection[str]) -> None:
        """Remove the answers about these predictions."""
        self._write(one for one in self.answers if one.prediction_id not in prediction_ids)

    def _write(self, answers: Iterable[Answer]) -> None:
        self.answers = list(answers)
        if not self.answers:
            self._path.unlink(missing_ok=True)
            return
        partial = self._path.with_name(f"{self._path.name}.partial")
        partial.write_text("".join(f"{json.dumps(asdict(one))}\n" for one in self.answers))
        partial.replace(self._path)
