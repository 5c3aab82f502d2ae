"""The model: one scikit-learn pipeline over text and numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import partial
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest, mutual_info_classif
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.contracts.posts import NUMERIC_FEATURES
from stresswatch.errors import InvalidInput
from stresswatch.model.arithmetic import FARTHEST
from stresswatch.task.definition import TASK
from stresswatch.text.normalisation import TOKEN_PATTERN, normalise
from training_jobs.stress_model.dataset import (
    UnusableDataSet,
    frame,
    labels_of,
    present_features,
    weighted,
)
from training_jobs.stress_model.features import LexiconShares, TextImputer
from training_jobs.stress_model.lexicons import read_lexicons

MOST_FEATURES = max(1, len(NUMERIC_FEATURES))
"""The largest `k`; at least 1, also where a task has no numeric features."""


class InvalidHyperparameters(InvalidInput):
    """A hyperparameter is unknown, or its value is not usable."""


@dataclass(frozen=True)
class Hyperparameters:
    """What a training run can be told.

    Attributes
    ----------
    k : int
        How many of the numeric features to keep, those with the highest mutual information with
        the label (Kraskov et al., 2004, as in ``mutual_info_classif``); where the posts have values
        of fewer, all of these.
    minimum_document_frequency : int
        A term must stand in this many posts.
    inverse_regularisation : float
        ``C`` of the logistic regression.
    number_weight : float
        What the standardised lexicon shares and numbers are multiplied by, beside terms that have
        a norm of 1 in all: the smaller, the more the regression shrinks their coefficients.
    """

    k: int = MOST_FEATURES
    minimum_document_frequency: int = TASK.recipe.minimum_document_frequency
    inverse_regularisation: float = TASK.recipe.inverse_regularisation
    number_weight: float = TASK.recipe.number_weight
    seed: int = 7

    def __post_init__(self) -> None:
        if not 1 <= self.k <= MOST_FEATURES:
            raise InvalidHyperparameters(f"k must be between 1 and {MOST_FEATURES}, not {self.k}")
        if self.minimum_document_frequency < 1:
            raise InvalidHyperparameters("minimum_document_frequency must be at least 1")
        for name in ("inverse_regularisation", "number_weight"):
            if not 0 < getattr(self, name) < float("inf"):
                raise InvalidHyperparameters(f"{name} must be positive")
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


def fit_pipeline(
    posts: Sequence[LabelledPost], hyperparameters: Hyperparameters, **changed: object
) -> Pipeline:
    """Fit the pipeline to labelled posts, each weighing as much as its annotators were sure.

    A label of confidence 0 weighs nothing: its post is left out, of vocabulary and scaling as well.
    Numeric features without two different values are left out of the pipeline.

    Parameters
    ----------
    **changed
        Parameters of the pipeline's steps that differ, as ``set_params`` takes them.

    Raises
    ------
    UnusableDataSet
        When no word stands in as many posts as a term must.
    """
    posts = weighted(posts)
    pipeline = build_pipeline(hyperparameters, present_features(posts)).set_params(**changed)
    _require_terms(pipeline, posts)
    return pipeline.fit(
        frame(posts),
        labels_of(posts),
        classifier__sample_weight=[labelled.confidence for labelled in posts],
    )


def _require_terms(pipeline: Pipeline, posts: Sequence[LabelledPost]) -> None:
    terms = pipeline.named_steps["features"].transformers[0][1]
    if not isinstance(terms, TfidfVectorizer):  # a benchmark leaves them out
        return
    seen: Counter[str] = Counter()
    # It looks at no more posts than it takes to find one term.
    for labelled in posts:
        seen.update(set(terms.build_analyzer()(labelled.post.text)))
        if seen and max(seen.values()) >= terms.min_df:
            return
    raise UnusableDataSet(
        f"The data set has too few posts, or posts without words: no word stands in {terms.min_df} "
        f"of the {len(posts)} posts of its training split."
    )


def selected_features(pipeline: Pipeline) -> tuple[str, ...]:
    """Return the numeric features that a fitted pipeline kept, in their order."""
    features = pipeline.named_steps["features"]
    for name, fitted, columns in features.transformers_:
        if name == "numbers":
            kept = fitted.named_steps["select"].get_support()
            return tuple(np.array(columns[1:])[kept].tolist())
    return ()


def build_pipeline(
    hyperparameters: Hyperparameters, numeric_features: Sequence[str] = NUMERIC_FEATURES
) -> Pipeline:
    """Build the pipeline, not fitted, over the columns ``text`` and the numeric features.

    `stresswatch.model.sklearn_export` reads it by the names of its steps.
    """
    lexicons = read_lexicons()
    terms = TfidfVectorizer(
        preprocessor=normalise,
        token_pattern=TOKEN_PATTERN,
        ngram_range=(1, 2),
        min_df=hyperparameters.minimum_document_frequency,
        sublinear_tf=True,
    )
    transformers: list[tuple[str, Any, str | list[str]]] = [
        ("terms", terms, "text"),
        ("lexicons", Pipeline([("shares", LexiconShares(lexicons)), *_scaling()]), "text"),
    ]
    if numeric_features:
        k_best = SelectKBest(
            partial(mutual_info_classif, random_state=hyperparameters.seed),
            k=min(hyperparameters.k, len(numeric_features)),
        )
        numbers = Pipeline([("impute", TextImputer(lexicons)), *_scaling(), ("select", k_best)])
        transformers.append(("numbers", numbers, ["text", *numeric_features]))
    weighted_less = [name for name, *_ in transformers if name != "terms"]
    features = ColumnTransformer(
        transformers,
        transformer_weights=dict.fromkeys(weighted_less, hyperparameters.number_weight),
    )
    classifier = LogisticRegression(C=hyperparameters.inverse_regularisation, max_iter=1000)
    return Pipeline([("features", features), ("classifier", classifier)])


def _scaling() -> list[tuple[str, Any]]:
    """Standardise, and let no value lie farther out than `FARTHEST` standard deviations."""
    limits = {"a_min": -FARTHEST, "a_max": FARTHEST}
    return [("scale", StandardScaler()), ("clip", FunctionTransformer(np.clip, kw_args=limits))]
