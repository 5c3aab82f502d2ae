"""The pipelines that a training job can fit, by the name of the hyperparameter ``pipeline``.

To add one, write a module with a function `build_pipeline` and give it a name here. The function
takes the task, with only those numeric features that the posts have values of, and the
hyperparameters. It returns an unfitted `Pipeline` over the columns ``text`` and these features:

- its last step is a binary classifier with `predict_proba`, which takes sample weights,
- its steps read only the text that `stresswatch.text.normalisation.normalise` returns,
- a missing number is NaN.

Pipelines that `stresswatch.model.sklearn_export` can export are scored by arrays. Others are stored
with skops and need a stage that sets ``serving.scorer`` to ``scikit-learn``;
`stresswatch.model.pipeline_file` must trust their types.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from sklearn.pipeline import Pipeline

from training_jobs.model.pipelines import (
    gradient_boosting,
    linear,
    perceptron,
    sentence_embeddings,
)

if TYPE_CHECKING:
    from stresswatch.task.sections import Task
    from training_jobs.model.fitting import Hyperparameters

    Build = Callable[[Task, Hyperparameters], Pipeline]

DEFAULT = "linear"
PIPELINES: Mapping[str, Build] = {
    DEFAULT: linear.build_pipeline,
    "gradient-boosting": gradient_boosting.build_pipeline,
    "perceptron": perceptron.build_pipeline,
    "sentence-embeddings": sentence_embeddings.build_pipeline,
}
