"""Populations of labelled posts, and the accuracy of estimates from random samples."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from stresswatch.contracts.predictions import DECISION_THRESHOLD
from stresswatch.evaluation.labelled_sample import Sample
from stresswatch.evaluation.prediction_powered import estimate_rate
from stresswatch.evaluation.proportions import wilson_bounds

CONFIDENCE = 0.95
SIMULATED_POSTS = 4_000
SIMULATIONS = (
    "covariate shift",
    "prior shift",
    "worse than chance",
    "unequal shares",
    "very unequal shares",
    "clusters",
    "rare class",
    "rare class, unequal",
    "few errors",
)

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Population:
    """All posts of a community and period, whose labels are known.

    Attributes
    ----------
    labels, predictions, inclusion : ndarray, shape (posts,)
        Label 0 or 1, predicted probability, and probability of being drawn.
    clusters : ndarray of int, shape (posts,)
        Posts with the same number are drawn together.
    """

    labels: Values
    predictions: Values
    inclusion: Values
    clusters: NDArray[np.int_]

    def draw(self, rng: np.random.Generator) -> Sample:
        """Draw each cluster with the probability of its posts."""
        drawn = rng.random(self.clusters.max() + 1)[self.clusters] < self.inclusion
        return Sample(
            self.labels[drawn],
            self.predictions[drawn],
            self.inclusion[drawn],
            self.clusters[drawn].astype(str),
        )


@dataclass(frozen=True)
class Fit:
    """Accuracy of the called and the corrected rate; rates are from 0 to 1.

    Attributes
    ----------
    true : float
        The share of the posts with label 1.
    called : float
        The share of the posts whose prediction is above the threshold.
    called_covers : bool
        Whether Wilson's interval of the called rate contains the true one.
    corrected, coverage, width : float
        Mean of the estimates, the share of intervals that contain the true rate, and their mean
        width. NaN without any estimate.
    variance_ratio : float
        The mean estimated variance over the variance of the estimates.
    width_of_labels : float
        The mean width of the interval of the labels alone, weighted equally.
    estimated : float
        The share of samples with an estimate.
    """

    posts: int
    true: float
    called: float
    called_covers: bool
    corrected: float
    coverage: float
    width: float
    variance_ratio: float
    width_of_labels: float
    estimated: float


def fit(population: Population, draws: int, seed: int) -> Fit:
    """Draw samples of a population, and compare their estimates with the true rate."""
    posts, true = len(population.labels), float(population.labels.mean())
    called = float((population.predictions >= DECISION_THRESHOLD).mean())
    low, high = wilson_bounds(round(called * posts), posts, (1 + CONFIDENCE) / 2)
    rng = np.random.default_rng(seed)
    mean = float(population.predictions.mean())
    samples = [population.draw(rng) for _ in range(draws)]
    found = [
        (one, sample) for sample in samples if (one := estimate_rate(mean, sample, CONFIDENCE))
    ]
    estimates = [one for one, _ in found]
    rates = np.array([one.rate for one in estimates])
    return Fit(
        posts=posts,
        true=true,
        called=called,
        called_covers=low <= true <= high,
        corrected=_mean(rates),
        coverage=_mean([one.low <= true <= one.high for one in estimates]),
        width=_mean([one.high - one.low for one in estimates]),
        variance_ratio=_mean([one.variance for one in estimates]) / (rates.var() or nan),
        width_of_labels=_mean([_width_of_labels(sample.labels, posts) for _, sample in found]),
        estimated=len(found) / draws,
    )


def _mean(values: Values | list[float] | list[bool]) -> float:
    return float(np.mean(values)) if len(values) else nan


def _width_of_labels(labels: Values, posts: int) -> float:
    variance = labels.var(ddof=1) / len(labels) * (1 - len(labels) / posts)
    return float(2 * NormalDist().inv_cdf((1 + CONFIDENCE) / 2) * sqrt(variance))


def simulated(name: str, seed: int) -> Population:
    """Return a simulated population, of one of `SIMULATIONS`."""
    rng = np.random.default_rng(seed)
    posts = SIMULATED_POSTS
    truth = rng.beta(2, 3, posts)
    labels = (rng.random(posts) < truth).astype(float)
    clusters = np.arange(posts)
    inclusion = np.full(posts, 0.05)
    predictions = np.clip(truth + rng.normal(0, 0.1, posts), 0, 1)
    if name == "covariate shift":
        predictions = np.clip(predictions + 0.2 * (truth > 0.4), 0, 1)
    elif name == "prior shift":
        labels = (rng.random(posts) < 0.4 * truth).astype(float)
    elif name == "worse than chance":
        predictions = 1 - predictions
    elif name == "unequal shares":
        inclusion = np.where(np.abs(predictions - 0.5) < 0.15, 0.1, 0.03)
    elif name == "very unequal shares":
        inclusion = np.where(np.abs(predictions - 0.5) < 0.1, 0.3, 0.02)
    elif name == "clusters":
        clusters = np.arange(posts) // 2
        labels, predictions = labels[clusters * 2], predictions[clusters * 2]
    elif name == "rare class":
        labels = (rng.random(posts) < 0.03).astype(float)
        predictions = np.clip(labels * 0.3 + rng.random(posts) * 0.5, 0, 1)
    elif name == "rare class, unequal":
        labels = (rng.random(posts) < 0.04).astype(float)
        predictions = np.clip(labels * 0.3 + rng.random(posts) * 0.7, 0, 1)
        inclusion = np.where(np.abs(predictions - 0.5) < 0.1, 0.3, 0.02)
    elif name == "few errors":
        predictions = np.where(labels * rng.random(posts) > 0.05, 0.99, 0.01)
    else:
        raise ValueError(f"unknown simulation {name!r}")
    return Population(labels, predictions, inclusion, clusters)
