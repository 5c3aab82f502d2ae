"""An example that arrays cannot score: gradient-boosted trees over all features."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline

from training_jobs.model.features import LexiconShares
from training_jobs.model.lexicons import read_lexicons
from training_jobs.model.pipelines.dense_terms import dense_terms

if TYPE_CHECKING:
    from stresswatch.task.sections import Task
    from training_jobs.model.fitting import Hyperparameters


def build_pipeline(task: Task, hyperparameters: Hyperparameters) -> Pipeline:
    """Build the pipeline; the trees handle missing values themselves."""
    seed = hyperparameters.seed
    features = ColumnTransformer(
        [
            ("terms", dense_terms(seed), "text"),
            ("lexicons", LexiconShares(read_lexicons(task.text.lexicons)), "text"),
            ("numbers", "passthrough", list(task.feature_names)),
        ]
    )
    classifier = HistGradientBoostingClassifier(
        learning_rate=0.1, max_iter=60, min_samples_leaf=20, random_state=seed
    )
    return Pipeline([("features", features), ("classifier", classifier)])
