"""Whether a week's shown cells reveal suppressed ones, by any sums and differences.

Every cell is a sum of parts: one day's posts in one community, or without one. A suppressed cell is
revealed exactly if its sum is a linear combination of shown sums. This is the audit of linear
disclosure (Willenborg and de Waal, "Elements of statistical disclosure control", 2001, section
6.3).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stresswatch.rates.cells import Cell, Period

_TOLERANCE = 1e-6
"""Of sums of ones and zeros, far above what floats get wrong, and far below any combination."""


def giving_away(
    posts: Mapping[Cell, int], hidden: Collection[Cell], minimum_posts: int
) -> Cell | None:
    """Return the smallest shown cell that reveals a small one; None if there is none.

    Parameters
    ----------
    posts
        Of the days of one week, and of the week.
    """
    parts = _Parts.of(posts)
    secret = [cell for cell in posts if posts[cell] < minimum_posts]
    totals = [cell for cell in posts if cell not in hidden and cell not in parts.places]
    if not (secret and totals and parts.places):
        return None
    shown = np.zeros(len(parts.days), bool)
    shown[[place for cell, place in parts.places.items() if cell not in hidden]] = True
    sums, targets = parts.sums(totals), parts.sums(secret)[:, ~shown]
    left, sizes, right = np.linalg.svd(sums[:, ~shown], full_matrices=False)
    rank = int((sizes > _TOLERANCE).sum())
    left, sizes, right = left[:, :rank], sizes[:rank], right[:rank]
    within = targets @ right.T
    told = np.abs(targets - within @ right).max(axis=1, initial=0) < _TOLERANCE
    if not told.any():
        return None
    weights = left @ (within[np.argmax(told)] / sizes)
    # Shown parts are taken off the totals that have them.
    of_parts = (weights @ sums) * shown
    used = [cell for cell, weight in zip(totals, weights, strict=True) if abs(weight) > _TOLERANCE]
    used += [cell for cell, place in parts.places.items() if abs(of_parts[place]) > _TOLERANCE]
    return min(used, key=lambda cell: (posts[cell], cell.period, cell.start, cell.source or ""))


@dataclass(frozen=True)
class _Parts:
    """What all cells of a week are sums of.

    Attributes
    ----------
    days, sources : array
        Of each part; the source of posts that name none is empty.
    places : dict of Cell to int
        Of the parts that are cells themselves.
    """

    days: NDArray[np.datetime64]
    sources: NDArray[np.object_]
    places: dict[Cell, int]

    @staticmethod
    def of(posts: Mapping[Cell, int]) -> _Parts:
        of_days = [cell for cell in posts if cell.period is Period.DAY]
        named = [cell for cell in of_days if cell.source is not None]
        rest = {cell.start: posts[cell] for cell in of_days if cell.source is None}
        for cell in named:
            rest[cell.start] -= posts[cell]
        unnamed = [day for day, count in rest.items() if count]
        return _Parts(
            np.array([*(cell.start for cell in named), *unnamed], "datetime64[D]"),
            np.array([*(cell.source or "" for cell in named), *("" for _ in unnamed)], object),
            {cell: place for place, cell in enumerate(named)},
        )

    def sums(self, cells: Sequence[Cell]) -> NDArray[np.float64]:
        """Return which parts each cell has, as an array of zeros and ones, (cells, parts)."""
        found = np.empty((len(cells), len(self.days)))
        for row, cell in zip(found, cells, strict=True):
            is_in_time = (self.days >= np.datetime64(cell.start)) & (
                self.days < np.datetime64(cell.end)
            )
            row[:] = is_in_time & (cell.source is None or self.sources == cell.source)
        return found
