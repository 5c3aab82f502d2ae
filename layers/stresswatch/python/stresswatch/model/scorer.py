"""`Scorer`: the interface of every model, independent of the version's kind.

An exportable version is scored by plain arrays (`stresswatch.model.artefact`), any other by the
fitted pipeline itself (`stresswatch.model.sklearn_scorer`). The predictor, the web service, batch
scoring, backfill and the gate use only this interface.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

from stresswatch.contracts.reasons import Reasons
from stresswatch.errors import InvalidInput
from stresswatch.model.arithmetic import FloatArray
from stresswatch.task.definition import TASK


class ScorerKind(StrEnum):
    """The code that scores a version's posts, which decides a function's dependencies."""

    ARRAYS = "arrays"
    SCIKIT_LEARN = "scikit-learn"


MAXIMUM_PIPELINE_BYTES = 64 * 1024 * 1024
"""Maximum size of a pipeline's file."""


class ScorerNotAllowed(InvalidInput):
    """A version needs scikit-learn, but the stage allows only arrays."""

    def __init__(self) -> None:
        super().__init__(
            "the version is scored by scikit-learn, which the stage does not allow: set "
            f"serving.scorer to {ScorerKind.SCIKIT_LEARN}, or train a pipeline that can be exported"
        )


def require_allowed(kind: ScorerKind, allowed: ScorerKind) -> None:
    """Raise an error for a kind of scorer that the stage lacks.

    Raises
    ------
    ScorerNotAllowed
    """
    if kind is ScorerKind.SCIKIT_LEARN and allowed is not kind:
        raise ScorerNotAllowed


class OtherLabel(InvalidInput):
    """A version predicts another label than that of the task."""

    def __init__(self, predicts: str):
        super().__init__(
            f"the version was trained for another task: it predicts {predicts}, not "
            f"{TASK.label.meaning}; `stresswatch seed --replace FILE` and `stresswatch retrain "
            "--force` train one for this task"
        )


class Scores(NamedTuple):
    """A model's output for a batch, arrays of shape (n_posts,)."""

    probability: FloatArray
    out_of_vocabulary: FloatArray
    """Share of a text's words that are unknown to the model; 0 for a text without words."""
    sentiment: FloatArray
    """Total polarity of the words; 0 without any, or without a sentiment lexicon."""
    word_rarity: FloatArray
    """Mean inverse document frequency of the words known to the model; 0 without any."""


class Scorer(Protocol):
    """A model that scores posts, and explains scores if it can."""

    @property
    def kind(self) -> ScorerKind:
        """What scores."""

    @property
    def numeric_features(self) -> tuple[str, ...]:
        """The numeric features that it reads, in order."""

    @property
    def size(self) -> int:
        """Size of the model's files in bytes."""

    def score_normalised(self, texts: Sequence[str], numbers: FloatArray) -> Scores:
        """Return the scores of posts.

        Parameters
        ----------
        texts : sequence of str, n_posts long
            Normalised by `stresswatch.text.normalisation.normalise`.
        numbers : ndarray of shape (n_posts, n_numeric_features)
            In the order of `numeric_features`, NaN for missing values.
        """

    def explain(self, text: str, numbers: Sequence[float]) -> Reasons | None:
        """Return the exact explanation of a post's score; None if the model has none.

        Parameters
        ----------
        text : str
            The post's text, not normalised.
        numbers : sequence of float
            One for each of `numeric_features`; NaN for missing values.
        """
