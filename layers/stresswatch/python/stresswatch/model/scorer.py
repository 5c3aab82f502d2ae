"""What every model is to those that predict: a `Scorer` of posts, of whatever kind its version is.

A version that can be exported is scored by plain arrays (`stresswatch.model.artefact`), any other
by the fitted pipeline itself (`stresswatch.model.sklearn_scorer`). The predictor, the web service,
batch scoring, backfill and the gate know this interface alone.
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
    """What scores a version's posts, and so what a function that predicts must bring along."""

    ARRAYS = "arrays"
    SCIKIT_LEARN = "scikit-learn"


MAXIMUM_PIPELINE_BYTES = 64 * 1024 * 1024
"""Of a pipeline's file."""


class ScorerNotAllowed(InvalidInput):
    """A version is scored by scikit-learn, and the stage allows arrays alone."""

    def __init__(self) -> None:
        super().__init__(
            "the version is scored by scikit-learn, which the stage does not allow: set "
            f"serving.scorer to {ScorerKind.SCIKIT_LEARN}, or train a pipeline that can be exported"
        )


def require_allowed(kind: ScorerKind, allowed: ScorerKind) -> None:
    """Refuse what the stage has nothing to score with.

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
            f"{TASK.label.field}; `stresswatch retrain --force` trains one for this task"
        )


class Scores(NamedTuple):
    """What a model says of a batch, arrays of shape (n_posts,)."""

    probability: FloatArray
    out_of_vocabulary: FloatArray
    """Share of a text's words that the model does not know; 0 for a text without words."""
    sentiment: FloatArray
    """What the words' polarities come to; 0 for words without, or lexicons that know none."""
    word_rarity: FloatArray
    """Mean inverse document frequency of the words that the model knows; 0 without any."""


class Scorer(Protocol):
    """A model that scores posts, and explains a score where it can."""

    @property
    def kind(self) -> ScorerKind:
        """What scores."""

    @property
    def numeric_features(self) -> tuple[str, ...]:
        """The numbers that it reads, in the order in which it takes them."""

    @property
    def size(self) -> int:
        """Bytes of the model's files."""

    def score_normalised(self, texts: Sequence[str], numbers: FloatArray) -> Scores:
        """Return the scores of posts.

        Parameters
        ----------
        texts : sequence of str, n_posts long
            As `stresswatch.text.normalisation.normalise` gives them.
        numbers : ndarray of shape (n_posts, n_numeric_features)
            In the order of `numeric_features`, NaN where a post has none.
        """

    def explain(self, text: str, numbers: Sequence[float]) -> Reasons | None:
        """Return what moved the score of a post, exactly; None where the model cannot say.

        Parameters
        ----------
        text : str
            Of the post, not normalised.
        numbers : sequence of float
            One for each of `numeric_features`; NaN where the post has none.
        """
