"""The model: one scikit-learn pipeline over text and numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import partial
from typing import Any

from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest, mutual_info_classif
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from stresswatch.posts import NUMERIC_FEATURES


class InvalidHyperparameters(ValueError):
    """A hyperparameter is unknown, or its value is not usable."""


@dataclass(frozen=True)
class Hyperparameters:
    """What a training run can be told.

    Attributes
    ----------
    k : int
        How many of `NUMERIC_FEATURES` to keep, those with the highest mutual information with the
        label (Kraskov et al., 2004, as in ``mutual_info_classif``).
    minimum_document_frequency : int
        A term must stand in this many posts.
    inverse_regularisation : float
        ``C`` of the logistic regression.
    """

    k: int = len(NUMERIC_FEATURES)
    minimum_document_frequency: int = 2
    inverse_regularisation: float = 3.0
    seed: int = 7

    def __post_init__(self) -> None:
        if not 1 <= self.k <= len(NUMERIC_FEATURES):
            raise InvalidHyperparameters(
                f"k must be between 1 and {len(NUMERIC_FEATURES)}, not {self.k}"
            )
        if self.minimum_document_frequency < 1:
            raise InvalidHyperparameters("minimum_document_frequency must be at least 1")
        if not 0 < self.inverse_regularisation < float("inf"):
            raise InvalidHyperparameters("inverse_regularisation must be positive")
        if self.seed < 0:
            raise InvalidHyperparameters("seed must not be negative")

    @staticmethod
    def from_strings(values: Mapping[str, str]) -> Hyperparameters:
        """Read hyperparameters the way SageMaker hands them over: every value a string.

        Raises
        ------
        InvalidHyperparameters
        """
        types = {"k": int, "minimum_document_frequency": int, "seed": int}
        names = {field.name for field in fields(Hyperparameters)}
        if unknown := sorted(set(values) - names):
            raise InvalidHyperparameters(
                f"unknown hyperparameter {unknown[0]!r}; known are {', '.join(sorted(names))}"
            )
        typed: dict[str, Any] = {}
        for name, value in values.items():
            try:
                typed[name] = types.get(name, float)(value)
            except ValueError:
                raise InvalidHyperparameters(f"{name} must be a number, not {value!r}") from None
        return Hyperparameters(**typed)

    def as_dict(self) -> dict[str, float]:
        return asdict(self)


def build_pipeline(hyperparameters: Hyperparameters) -> Pipeline:
    """Build the pipeline, not fitted, over the columns ``text`` and `NUMERIC_FEATURES`.

    `stresswatch.export` reads it by the names of its steps.
    """
    text = TfidfVectorizer(
        ngram_range=(1, 2),
        min_df=hyperparameters.minimum_document_frequency,
        sublinear_tf=True,
    )
    numbers = Pipeline(
        [
            ("impute", SimpleImputer(strategy="median")),
            ("scale", StandardScaler()),
            (
                "select",
                SelectKBest(
                    partial(mutual_info_classif, random_state=hyperparameters.seed),
                    k=hyperparameters.k,
                ),
            ),
        ]
    )
    return Pipeline(
        [
            (
                "features",
                ColumnTransformer([("text", text, "text"), ("numbers", numbers, NUMERIC_FEATURES)]),
            ),
            (
                "classifier",
                LogisticRegression(C=hyperparameters.inverse_regularisation, max_iter=1000),
            ),
        ]
    )
