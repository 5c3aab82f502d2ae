"""A slower, more accurate example: the default pipeline plus sentence embeddings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sklearn.pipeline import Pipeline

from training_jobs.model.pipelines import linear
from training_jobs.model.sentence_embeddings import SentenceEmbeddings

if TYPE_CHECKING:
    from stresswatch.task.sections import Task
    from training_jobs.model.fitting import Hyperparameters

EMBEDDING_WEIGHT = 0.5
"""Factor for the embeddings, relative to terms with a norm of 1.

Among 0.25, 0.35, 0.5, 1 and 2, it has the best ROC-AUC and Brier score on Dreaddit, five folds.
"""


def build_pipeline(task: Task, hyperparameters: Hyperparameters) -> Pipeline:
    """Build the pipeline."""
    pipeline = linear.build_pipeline(task, hyperparameters)
    features = pipeline["features"]
    features.transformers.append(("embedding", SentenceEmbeddings(), "text"))
    features.transformer_weights["embedding"] = EMBEDDING_WEIGHT
    return pipeline
