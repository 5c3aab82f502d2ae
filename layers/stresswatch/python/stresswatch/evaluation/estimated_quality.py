"""F1 without labels, estimated from the model's own probabilities.

This is confidence-based performance estimation (Białek et al., "We don't need no labels", 2024,
arXiv:2401.08348). With calibrated probabilities, a post with probability 0.8 that is predicted
positive is a true positive in 8 of 10 cases. The estimate depends on this calibration. It cannot
detect a change in the share of positive posts or in the meaning of words.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stresswatch.contracts.predictions import DECISION_THRESHOLD


def estimate_f1(probability: NDArray[np.float64]) -> float:
    """Return the expected F1, in [0, 1].

    Parameters
    ----------
    probability : array of float, shape (n_posts,)
        Probabilities of the positive class, for at least one post.
    """
    called = probability >= DECISION_THRESHOLD
    true_positives = float(probability[called].sum())
    false_negatives = float(probability[~called].sum())
    positives = float(called.sum()) + true_positives + false_negatives
    return 2 * true_positives / positives if positives else 0.0
