"""Numeric features as a model reads them: by name, in the model's own order.

A model is trained for the contract's numeric features at that time. The contract may change later,
and the model keeps serving.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stresswatch.contracts.posts import NUMERIC_FEATURES, Post
from stresswatch.model.arithmetic import FloatArray


def numbers_for(features: tuple[str, ...], posts: Sequence[Post]) -> FloatArray:
    """Return the posts' numeric features in the order of a model's own features.

    Returns
    -------
    ndarray of shape (n_posts, n_features)
        NaN if the post lacks the value, or the contract the feature.
    """
    numbers = np.array([post.numbers for post in posts], dtype=np.float64)
    numbers = numbers.reshape(len(posts), len(NUMERIC_FEATURES))
    if features == NUMERIC_FEATURES:
        return numbers
    mapped = np.full((len(posts), len(features)), np.nan)
    for place, name in enumerate(features):
        if name in NUMERIC_FEATURES:
            mapped[:, place] = numbers[:, NUMERIC_FEATURES.index(name)]
    return mapped
