"""Score arithmetic that gives a post the same result in every batch."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

FARTHEST = 4.0
"""Limit in standard deviations from the mean at which shares and features are clipped."""

SHARE_PRIOR = 10
"""Number of neutral tokens added to every text."""

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def log_odds(
    values: FloatArray, mean: FloatArray, scale: FloatArray, weight: FloatArray
) -> FloatArray:
    standardised = (values - mean) / scale
    return row_sums(np.clip(standardised, -FARTHEST, FARTHEST) * weight)


def row_sums(values: FloatArray) -> FloatArray:
    """Sum each row from left to right, because the order in numpy's sums depends on the shape."""
    rows = np.repeat(np.arange(len(values)), values.shape[1])
    sums = np.bincount(rows, weights=values.ravel(), minlength=len(values))
    return sums.astype(np.float64, copy=False)


def sigmoid(z: float) -> float:
    if z >= 0:
        return 1.0 / (1.0 + math.exp(-z))
    grown = math.exp(z)
    return grown / (1.0 + grown)
