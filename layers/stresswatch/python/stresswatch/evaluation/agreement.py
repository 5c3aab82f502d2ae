"""Annotator agreement, and the majority label of an item.

All functions take counts: the number of annotators who gave an item each value. So items may have
different numbers of annotators.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RELIABLE, TENTATIVE = 0.8, 0.667
"""Krippendorff, "Content analysis", 2004, page 241: conclusions need an alpha of at least 0.8, and
tentative ones at least 0.667."""


def nominal_alpha(counts: NDArray[np.int64]) -> float | None:
    """Return Krippendorff's alpha for nominal values: 1 for agreement, 0 for chance.

    Alpha is 1 - observed / expected disagreement. Items with fewer than two annotators are left
    out, so missing ratings are allowed.

    Parameters
    ----------
    counts : array of shape (n_items, n_values)
        Number of annotators who gave each item each value.

    Returns
    -------
    float or None
        None if alpha is undefined: no item has two annotators, or all of them gave one value.

    References
    ----------
    Krippendorff, "Computing Krippendorff's alpha-reliability", 2011, section E.
    """
    pairable = counts[counts.sum(axis=1) >= 2].astype(np.float64)
    raters = pairable.sum(axis=1)
    totals = pairable.sum(axis=0)
    n = totals.sum()
    # Ordered pairs of different values: within each item, and among all ratings.
    expected = n**2 - (totals**2).sum()
    if not expected:
        return None
    observed = ((raters**2 - (pairable**2).sum(axis=1)) / (raters - 1)).sum()
    return float(1 - (n - 1) * observed / expected)


def reading_of(alpha: float) -> str:
    """Return an alpha's interpretation, in a few words."""
    if alpha >= RELIABLE:
        return "the labels are reliable"
    if alpha >= TENTATIVE:
        return "the labels allow tentative conclusions only"
    return "the labels are not reliable: compare how the annotators read the guideline"


def majority(counts: NDArray[np.int64]) -> tuple[int, float] | None:
    """Return the majority value of an item, and its share; None for a tie.

    Parameters
    ----------
    counts : array of shape (n_values,)
        Number of annotators who gave each value.
    """
    most = counts.max()
    (values,) = np.nonzero(counts == most)
    return (int(values[0]), float(most / counts.sum())) if len(values) == 1 else None
