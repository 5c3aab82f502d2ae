"""A fitted scikit-learn pipeline as a scorer: supports any pipeline, but needs a container image.

Only functions with scikit-learn import this module; `stresswatch.versions.champion` imports it for
a version that needs it.
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
    """A pipeline, and an artefact that describes texts.

    Unlike with arrays, a post's probability may differ in its last bits between batches, because
    the order of the linear algebra library's sums depends on the shape.

    Attributes
    ----------
    pipeline : sklearn.pipeline.Pipeline
        Fitted; its columns are ``text`` and `numeric_features`.
    descriptors : Artefact
        Its coefficients are 0; only its text descriptors are used.
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
        """The numeric features that it reads, in order."""
        return self.descriptors.numeric_features

    def score_normalised(self, texts: Sequence[str], numbers: FloatArray) -> Scores:
        """Return the posts' scores; see `stresswatch.model.scorer.Scorer`."""
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
        """Return None: a pipeline's probability has no exact explanation."""
