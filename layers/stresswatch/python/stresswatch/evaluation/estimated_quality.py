"""F1 without labels, from what the model's own probabilities let expect.

This is confidence-based performance estimation (Białek et al., "We don't need no labels", 2024,
arXiv:2401.08348). If a probability of 0.8 comes true in 80 % of such posts, a post that is called
positive with it is a true positive 8 times of 10. The estimate is as good as this calibration. It
cannot see that the share of stress, or the meaning of words, has changed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stresswatch.contracts.predictions import DECISION_THRESHOLD


def estimate_f1(probability: NDArray[np.float64]) -> float:
    """Return the F1 to expect, in [0, 1].

    Parameters
    ----------
    probability : array of float, shape (n_posts,)
        Of stress, of at least one post.
    """
    called = probability >= DECISION_THRESHOLD
    true_positives = float(probability[called].sum())
    false_negatives = float(probability[~called].sum())
    positives = float(called.sum()) + true_positives + false_negatives
    return 2 * true_positives / positives if positives else 0.0
