"""The model: a scikit-learn pipeline over text and numeric features, selected from `pipelines`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import has_fit_parameter

from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.contracts.posts import NUMERIC_FEATURES
from stresswatch.errors import InvalidInput
from stresswatch.retraining.training_defaults import SEARCH_SECONDS, SEED
from stresswatch.task.definition import TASK, Task
from training_jobs.model.dataset import (
    UnusableDataSet,
    frame,
    labels_of,
    present_features,
    weighted,
)
from training_jobs.model.pipelines import DEFAULT, PIPELINES

MOST_FEATURES = max(1, len(NUMERIC_FEATURES))
"""The largest `k`; at least 1, even for a task without numeric features."""


class InvalidHyperparameters(InvalidInput):
    """A hyperparameter is unknown, or its value is invalid."""


class UnusablePipeline(InvalidInput):
    """The pipeline cannot be a model of posts; the message names the step and says why."""


@dataclass(frozen=True)
class Hyperparameters:
    """The hyperparameters of a training run.

    Attributes
    ----------
    pipeline : str
        One of `training_jobs.model.pipelines`; `k`, `inverse_regularisation` and
        `number_weight` apply to the default.
    k : int
        Number of numeric features to keep, by mutual information with the label (Kraskov et
        al., 2004, as in ``mutual_info_classif``). If the posts have values of fewer, all of
        these.
    minimum_document_frequency : int
        A term must occur in at least this many posts.
    inverse_regularisation : float
        ``C`` of the logistic regression.
    number_weight : float
        Factor for the standardised lexicon shares and features, relative to terms with a total
        norm of 1. With smaller factors the regression shrinks their coefficients more.
    search_seconds : float
        How long `training_jobs.model.search` may look for a better `number_weight`; 0
        disables the search.
    """

    pipeline: str = DEFAULT
    k: int = MOST_FEATURES
    minimum_document_frequency: int = TASK.hyperparameters.minimum_document_frequency
    inverse_regularisation: float = TASK.hyperparameters.inverse_regularisation
    number_weight: float = TASK.hyperparameters.number_weight
    search_seconds: float = SEARCH_SECONDS
    seed: int = SEED

    def __post_init__(self) -> None:
        if self.pipeline not in PIPELINES:
            raise InvalidHyperparameters(
                f"unknown pipeline {self.pipeline!r}; known are {', '.join(PIPELINES)}"
            )
        if not 1 <= self.k <= MOST_FEATURES:
            raise InvalidHyperparameters(f"k must be between 1 and {MOST_FEATURES}, not {self.k}")
        if self.minimum_document_frequency < 1:
            raise InvalidHyperparameters("minimum_document_frequency must be at least 1")
        for name in ("inverse_regularisation", "number_weight"):
            if not 0 < getattr(self, name) < float("inf"):
                raise InvalidHyperparameters(f"{name} must be positive")
        if not 0 <= self.search_seconds < float("inf"):
            raise InvalidHyperparameters("search_seconds must be 0 or positive")
        if self.seed < 0:
            raise InvalidHyperparameters("seed must not be negative")

    @staticmethod
    def from_strings(values: Mapping[str, str]) -> Hyperparameters:
        """Read hyperparameters in SageMaker's form: every value is a string.

        A given `number_weight` is kept: there is no search.

        Raises
        ------
        InvalidHyperparameters
        """
        types: dict[str, Callable[[str], str | float]] = {
            "pipeline": str,
            "k": int,
            "minimum_document_frequency": int,
            "seed": int,
        }
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
        if "number_weight" in typed:
            typed["search_seconds"] = 0.0
        return Hyperparameters(**typed)

    def as_dict(self) -> dict[str, str | float]:
        return asdict(self)


def fit_pipeline(
    posts: Sequence[LabelledPost], hyperparameters: Hyperparameters, **changed: object
) -> Pipeline:
    """Fit the pipeline to labelled posts, with the annotators' confidence as weights.

    Posts whose label has confidence 0 are left out, also from vocabulary and scaling. Numeric
    features without two different values are left out of the pipeline.

    Parameters
    ----------
    **changed
        Parameters of pipeline steps to change, as in ``set_params``.

    Raises
    ------
    UnusableDataSet
        When no word occurs in as many posts as a term must.
    UnusablePipeline
        When its last step has no probabilities, or takes no sample weights although a label has
        a confidence below 1.
    """
    posts = weighted(posts)
    pipeline = build_pipeline(TASK.with_features(present_features(posts)), hyperparameters)
    pipeline.set_params(**changed)
    if not hasattr(pipeline, "predict_proba"):
        remedy = (
            "wrap it in a CalibratedClassifierCV"
            if hasattr(pipeline, "decision_function")
            else "use a classifier that has one"
        )
        raise UnusablePipeline(
            f"the pipeline's last step, {_last_step(pipeline)}, has no predict_proba; {remedy}"
        )
    require_terms(pipeline, posts)
    weights = [labelled.confidence for labelled in posts]
    return pipeline.fit(frame(posts), labels_of(posts), **_sample_weight(pipeline, weights))


def build_pipeline(task: Task, hyperparameters: Hyperparameters) -> Pipeline:
    """Build the pipeline that the hyperparameters name, over ``text`` and the task's features."""
    pipeline = PIPELINES[hyperparameters.pipeline](task, hyperparameters)
    if not isinstance(pipeline, Pipeline):
        raise UnusablePipeline(
            f"build_pipeline of {hyperparameters.pipeline!r} returns a "
            f"{type(pipeline).__name__}, but must return a Pipeline"
        )
    return pipeline


def _sample_weight(pipeline: Pipeline, weights: Sequence[float]) -> dict[str, Sequence[float]]:
    name, classifier = pipeline.steps[-1]
    if has_fit_parameter(classifier, "sample_weight"):
        return {f"{name}__sample_weight": weights}
    if unsure := sum(weight < 1 for weight in weights):
        raise UnusablePipeline(
            f"the pipeline's last step, {_last_step(pipeline)}, takes no sample weights, and "
            f"{unsure} of {len(weights)} labels have a confidence below 1"
        )
    return {}


def _last_step(pipeline: Pipeline) -> str:
    name, classifier = pipeline.steps[-1]
    return f"{name!r} ({type(classifier).__name__})"


def require_terms(pipeline: Pipeline, posts: Sequence[LabelledPost]) -> None:
    """Raise `UnusableDataSet` if no word occurs in as many posts as a term must."""
    steps = pipeline.get_params().values()
    terms = next((step for step in steps if isinstance(step, CountVectorizer)), None)
    if terms is None:
        return
    seen: Counter[str] = Counter()
    # It reads only as many posts as it takes to find one term.
    for labelled in posts:
        seen.update(set(terms.build_analyzer()(labelled.post.text)))
        if seen and max(seen.values()) >= terms.min_df:
            return
    raise UnusableDataSet(
        f"The data set has too few posts, or posts without words: no word occurs in {terms.min_df} "
        f"of the {len(posts)} posts in its training split."
    )


def selected_features(pipeline: Pipeline, present: tuple[str, ...]) -> tuple[str, ...]:
    """Return those of the `present` numeric features that a fitted pipeline reads, in order.

    A pipeline other than the default reads all of them.
    """
    numbers = _transformers(pipeline).get("numbers")
    if not isinstance(numbers, Pipeline) or "select" not in numbers.named_steps:
        return present
    kept = numbers.named_steps["select"].get_support()
    return tuple(np.array(present)[kept].tolist())


def _transformers(pipeline: Pipeline) -> Mapping[str, Any]:
    features = pipeline[0]
    return features.named_transformers_ if isinstance(features, ColumnTransformer) else {}
