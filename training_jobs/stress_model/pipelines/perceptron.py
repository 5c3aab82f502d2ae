"""An example that arrays cannot score: a perceptron with one hidden layer over all features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sklearn.compose import ColumnTransformer
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from training_jobs.stress_model.features import LexiconShares, TextImputer
from training_jobs.stress_model.lexicons import read_lexicons
from training_jobs.stress_model.pipelines.dense_terms import dense_terms

if TYPE_CHECKING:
    from training_jobs.stress_model.recipe import Hyperparameters


def build_pipeline(numeric_features: Sequence[str], hyperparameters: Hyperparameters) -> Pipeline:
    """Build the pipeline; missing features are imputed from the text, as in the default."""
    lexicons, seed = read_lexicons(), hyperparameters.seed
    transformers: list[tuple[str, Any, str | list[str]]] = [
        ("terms", dense_terms(seed), "text"),
        ("lexicons", LexiconShares(lexicons), "text"),
    ]
    if numeric_features:
        transformers.append(("numbers", TextImputer(lexicons), ["text", *numeric_features]))
    classifier = MLPClassifier(
        hidden_layer_sizes=(32,), alpha=1.0, max_iter=300, tol=1e-3, random_state=seed
    )
    return Pipeline(
        [
            ("features", ColumnTransformer(transformers)),
            ("scale", StandardScaler()),
            ("classifier", classifier),
        ]
    )
