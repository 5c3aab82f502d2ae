"""The numbers of posts as a model reads them: by name, in the order of the model's own features.

A model is trained for the numeric features that the contract had at that time. The contract may
have gained, lost or renamed some since, and the model goes on serving.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stresswatch.contracts.posts import NUMERIC_FEATURES, Post
from stresswatch.model.arithmetic import FloatArray


def numbers_for(features: tuple[str, ...], posts: Sequence[Post]) -> FloatArray:
    """Return the posts' numbers in the order of a model's own features.

    Returns
    -------
    ndarray of shape (n_posts, n_features)
        NaN where a post lacks the number, or the contract the feature.
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
