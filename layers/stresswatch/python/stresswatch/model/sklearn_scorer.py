"""A fitted scikit-learn pipeline as a scorer: any pipeline, at the price of a container image.

Only functions with scikit-learn import this module; `stresswatch.versions.champion` does when a
version needs it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from stresswatch.model import pipeline_file
from stresswatch.model.arithmetic import FloatArray
from stresswatch.model.artefact import Artefact
from stresswatch.model.scorer import ScorerKind, Scores

_POSTS_AT_ONCE = 2**10


@dataclass(frozen=True, eq=False)
class SklearnScorer:
    """A pipeline, and the artefact that describes texts in its place.

    Unlike the arrays' a post's probability may differ in its last bits from batch to batch, as the
    sums of the linear algebra library run in an order that depends on the shape.

    Attributes
    ----------
    pipeline : sklearn.pipeline.Pipeline
        Fitted; takes the columns ``text`` and `numeric_features`.
    descriptors : Artefact
        Its coefficients are 0: what it says of a text besides the probability is used.
    size : int
    """

    kind: ClassVar[ScorerKind] = ScorerKind.SCIKIT_LEARN

    pipeline: Any
    descriptors: Artefact
    size: int

    @staticmethod
    def read(data: bytes, descriptors: Artefact) -> SklearnScorer:
        """Read the pipeline's file.

        Raises
        ------
        CorruptArtefact
        """
        return SklearnScorer(pipeline_file.read(data), descriptors, descriptors.size + len(data))

    @property
    def numeric_features(self) -> tuple[str, ...]:
        """The numbers that it reads, in the order in which it takes them."""
        return self.descriptors.numeric_features

    def score_normalised(self, texts: Sequence[str], numbers: FloatArray) -> Scores:
        """Return the scores of posts; see `stresswatch.model.scorer.Scorer`."""
        described = self.descriptors.score_normalised(texts, numbers)
        begins = range(0, len(texts), _POSTS_AT_ONCE)
        parts = [slice(begin, begin + _POSTS_AT_ONCE) for begin in begins]
        probabilities = [self._probability(texts[part], numbers[part]) for part in parts]
        return described._replace(probability=np.concatenate([np.empty(0), *probabilities]))

    def _probability(self, texts: Sequence[str], numbers: FloatArray) -> FloatArray:
        posts = pd.DataFrame(numbers, columns=list(self.numeric_features))
        posts.insert(0, "text", list(texts))
        probability: FloatArray = self.pipeline.predict_proba(posts)[:, 1]
        if not ((probability >= 0) & (probability <= 1)).all():
            raise ValueError("the pipeline gives probabilities that are not between 0 and 1")
        return probability.astype(np.float64, copy=False)

    def explain(self, text: str, numbers: Sequence[float]) -> None:
        """Return None: what moved a pipeline's probability is known by approximation alone."""
