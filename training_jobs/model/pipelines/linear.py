"""The default: logistic regression over terms, lexicon shares and features, exportable."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest, mutual_info_classif
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from stresswatch.model.arithmetic import FARTHEST
from stresswatch.text.normalisation import TOKEN_PATTERN, normalise
from training_jobs.model.features import LexiconShares, TextImputer
from training_jobs.model.lexicons import read_lexicons

if TYPE_CHECKING:
    from stresswatch.task.sections import Task
    from training_jobs.model.fitting import Hyperparameters


def build_pipeline(task: Task, hyperparameters: Hyperparameters) -> Pipeline:
    """Build the pipeline.

    `stresswatch.model.sklearn_export` reads it by the names of its steps.
    """
    lexicons = read_lexicons(task.text.lexicons)
    transformers: list[tuple[str, Any, str | list[str]]] = [
        ("terms", terms_of(hyperparameters), "text"),
        ("lexicons", Pipeline([("shares", LexiconShares(lexicons)), *_scaling()]), "text"),
    ]
    if task.feature_names:
        k_best = SelectKBest(
            partial(mutual_info_classif, random_state=hyperparameters.seed),
            k=min(hyperparameters.k, len(task.feature_names)),
        )
        numbers = Pipeline([("impute", TextImputer(lexicons)), *_scaling(), ("select", k_best)])
        transformers.append(("numbers", numbers, ["text", *task.feature_names]))
    weighted_less = [name for name, *_ in transformers if name != "terms"]
    features = ColumnTransformer(
        transformers,
        transformer_weights=dict.fromkeys(weighted_less, hyperparameters.number_weight),
    )
    classifier = LogisticRegression(C=hyperparameters.inverse_regularisation, max_iter=1000)
    return Pipeline([("features", features), ("classifier", classifier)])


def terms_of(hyperparameters: Hyperparameters) -> TfidfVectorizer:
    """Return the terms of the models: tokens and pairs of tokens."""
    return TfidfVectorizer(
        preprocessor=normalise,
        token_pattern=TOKEN_PATTERN,
        ngram_range=(1, 2),
        min_df=hyperparameters.minimum_document_frequency,
        sublinear_tf=True,
    )


def _scaling() -> list[tuple[str, Any]]:
    """Standardise, and clip values to `FARTHEST` standard deviations."""
    limits = {"a_min": -FARTHEST, "a_max": FARTHEST}
    return [("scale", StandardScaler()), ("clip", FunctionTransformer(np.clip, kw_args=limits))]
