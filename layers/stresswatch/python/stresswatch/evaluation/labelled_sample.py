"""A random sample of labelled posts, whose inclusion probabilities may differ."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import inf

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Sample:
    """The labelled posts in a random sample; arrays of shape (n_labelled,).

    Attributes
    ----------
    labels : array of float
        0 or 1.
    predictions : array of float
        The model's probabilities for these posts.
    inclusion : array of float
        Inclusion probabilities, above 0 and at most 1.
    clusters : array
        Cluster of each post, such as the segments of a post, whose labels may be correlated.
    """

    labels: NDArray[np.float64]
    predictions: NDArray[np.float64]
    inclusion: NDArray[np.float64]
    clusters: NDArray[np.str_]

    def __post_init__(self) -> None:
        if not ((self.inclusion > 0) & (self.inclusion <= 1)).all():
            raise ValueError("probabilities of inclusion must be above 0 and at most 1")

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def weights(self) -> NDArray[np.float64]:
        """The number of posts that each one represents."""
        return 1 / self.inclusion

    @cached_property
    def worth(self) -> float:
        """The equivalent number of equally likely labels (Kish, 1965), counted by cluster."""
        return _effective(self._totals(self.weights))

    @cached_property
    def least_of_a_class(self) -> float:
        """The effective number of labels of the rarer class, by its weight."""
        share = self.mean(self.labels)
        return min(share, 1 - share) * self.worth

    @cached_property
    def precision(self) -> float:
        """The number of equally likely labels, of endless posts, with the mean's variance.

        Posts with inclusion probability 1 add nothing to the variance. Infinite if all are such.
        """
        varying = float(self._varying @ self._varying)
        return float(self.weights.sum()) ** 2 / varying if varying else inf

    @cached_property
    def degrees(self) -> float:
        """The variance's degrees of freedom (Satterthwaite, 1946), for residuals of equal variance.

        The mean and the tuning were fitted to the sample, so two are subtracted.
        """
        # With all posts labelled, the variance is 0 and has no degrees of freedom.
        if not self._varying.any():
            return len(self._varying) - 2.0
        return _effective(self._varying**2) - 2

    @cached_property
    def square_of_error(self) -> float:
        """The square that a label adds to the variance if the model is wrong by 1 about it.

        Labels that decide the variance count most.
        """
        squares = self._varying**2
        return float(squares @ squares / squares.sum()) if squares.any() else 0.0

    @cached_property
    def _varying(self) -> NDArray[np.float64]:
        """Each cluster's weight, as far as it varies with the draw."""
        return self._totals(np.sqrt(1 - self.inclusion) * self.weights)

    @cached_property
    def _places(self) -> NDArray[np.int64]:
        """The index of each post's cluster."""
        return np.unique(self.clusters, return_inverse=True)[1]

    def mean(self, values: NDArray[np.float64]) -> float:
        """Return the Hájek mean of one value per post."""
        return float(np.average(values, weights=self.weights))

    def by_cluster(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return each cluster's weighted deviation from the mean, as it varies with the draw.

        Posts with inclusion probability 1 do not vary.
        """
        deviations = values - self.mean(values)
        return self._totals(np.sqrt(1 - self.inclusion) * self.weights * deviations)

    def _totals(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return each cluster's total."""
        return np.bincount(self._places, weights=values).astype(np.float64)


def _effective(weights: NDArray[np.float64]) -> float:
    """Return the equivalent number of equal weights, rounded to float precision."""
    squares = float(weights @ weights)
    return round(float(weights.sum()) ** 2 / squares, 6) if squares else 0.0
