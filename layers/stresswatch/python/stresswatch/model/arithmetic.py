"""The arithmetic of a score, by which a post's result is the same in every batch."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

FARTHEST = 4.0
"""Standard deviations from the mean beyond which a share or a number counts as no farther."""

SHARE_PRIOR = 10
"""Tokens of no category that every text is taken to have, beside its own."""

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def log_odds(
    values: FloatArray, mean: FloatArray, scale: FloatArray, weight: FloatArray
) -> FloatArray:
    standardised = (values - mean) / scale
    return row_sums(np.clip(standardised, -FARTHEST, FARTHEST) * weight)


def row_sums(values: FloatArray) -> FloatArray:
    """Sum each row from left to right: in which order numpy's own sums run depends on the shape."""
    rows = np.repeat(np.arange(len(values)), values.shape[1])
    sums = np.bincount(rows, weights=values.ravel(), minlength=len(values))
    return sums.astype(np.float64, copy=False)


def sigmoid(z: float) -> float:
    if z >= 0:
        return 1.0 / (1.0 + math.exp(-z))
    grown = math.exp(z)
    return grown / (1.0 + grown)
