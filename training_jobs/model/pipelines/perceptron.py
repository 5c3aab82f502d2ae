"""An example that arrays cannot score: a perceptron with one hidden layer over all features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sklearn.compose import ColumnTransformer
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from training_jobs.model.features import LexiconShares, TextImputer
from training_jobs.model.lexicons import read_lexicons
from training_jobs.model.pipelines.dense_terms import dense_terms

if TYPE_CHECKING:
    from stresswatch.task.sections import Task
    from training_jobs.model.fitting import Hyperparameters


def build_pipeline(task: Task, hyperparameters: Hyperparameters) -> Pipeline:
    """Build the pipeline; missing features are imputed from the text, as in the default."""
    lexicons, seed = read_lexicons(task.text.lexicons), hyperparameters.seed
    transformers: list[tuple[str, Any, str | list[str]]] = [
        ("terms", dense_terms(seed), "text"),
        ("lexicons", LexiconShares(lexicons), "text"),
    ]
    if task.feature_names:
        transformers.append(("numbers", TextImputer(lexicons), ["text", *task.feature_names]))
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
