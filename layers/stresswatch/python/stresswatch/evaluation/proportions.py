"""Shares, with bounds for chance."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist


def wilson_bounds(hits: float, total: float, confidence: float) -> tuple[float, float]:
    """Return the one-sided lower and upper bound of a share by its score interval (Wilson, 1927).

    Weighted counts may be fractions.

    Raises
    ------
    ValueError
        When the count is zero.
    """
    if not total:
        raise ValueError("a share needs at least one observation")
    z = NormalDist().inv_cdf(confidence)
    share, spread = hits / total, z * z / total
    middle = share + spread / 2
    reach = z * sqrt((share * (1 - share) + spread / 4) / total)
    return (middle - reach) / (1 + spread), (middle + reach) / (1 + spread)
