"""A rate among many posts, from predictions for all of them and labels of a random sample.

The share of posts that a model calls positive is biased if the model is. The mean error on a random
sample of labelled posts estimates this bias, and is subtracted. This is prediction-powered
inference (Angelopoulos et al., "Prediction-powered inference", Science 382, 2023), with power
tuning ("PPI++", arXiv:2311.01453). Survey statistics calls it the difference estimator (Särndal,
Swensson and Wretman, "Model assisted survey sampling", 1992, sections 5.8 and 6.3). It is valid for
any model; a better model only narrows the interval.

The target is the share among these posts, as annotators would label them, not a larger
population's. Predictions exist for all of them, so only the sample is random.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from stresswatch.evaluation.labelled_sample import Sample
from stresswatch.evaluation.proportions import wilson_bounds

MINIMUM_LABELS = 30
"""Fewest effective labels for an estimate: with fewer, its interval would be misleading."""
MINIMUM_DEGREES = 10
"""Fewest degrees of freedom for an estimate: with fewer, a few heavy labels decide the variance."""
LEAST_OF_A_CLASS = 10
"""Fewest effective labels of each class; with fewer, the interval is Wilson's."""
FEWEST_ERRORS = 8
"""Fewest effective errors of the model; with fewer, the interval allows for unseen ones."""


class Method(StrEnum):
    """The method of an estimate."""

    PREDICTION_POWERED = "prediction_powered"
    LABELS_ALONE = "labels_alone"


@dataclass(frozen=True)
class RateEstimate:
    """A rate and its interval.

    Attributes
    ----------
    rate, low, high : float
    variance : float
        Variance of the rate over possible samples.
    degrees : float
        Degrees of freedom of the variance.
    labelled : int
        Number of posts in the sample.
    tuning : float
        Weight of the predictions, from 0 (labels alone) to 1 (Science 2023).
    """

    rate: float
    low: float
    high: float
    variance: float
    degrees: float
    labelled: int
    tuning: float
    method: Method


@dataclass(frozen=True)
class Difference:
    """The difference between two rates, with an interval that holds jointly for all comparisons."""

    value: float
    low: float
    high: float

    @property
    def is_told_from_chance(self) -> bool:
        return self.low > 0 or self.high < 0


def estimate_rate(
    mean_prediction: float, sample: Sample, confidence: float = 0.95
) -> RateEstimate | None:
    """Estimate the share of posts with label 1; None with too few labels, or too unequal ones.

    It needs `MINIMUM_LABELS` effective labels, and `MINIMUM_DEGREES` degrees of freedom. Labels in
    one cluster count as one label, and unequal weights reduce the effective number.

    Parameters
    ----------
    mean_prediction : float
        Over all posts, including the sample.
    """
    if not len(sample) or sample.worth < MINIMUM_LABELS or sample.degrees < MINIMUM_DEGREES:
        return None
    if sample.least_of_a_class < LEAST_OF_A_CLASS:
        return _by_labels_alone(sample, confidence)
    tuning = _tuning(sample)
    residuals = sample.labels - tuning * sample.predictions
    variance = _variance(residuals, sample)
    rate = tuning * mean_prediction + sample.mean(residuals)
    reach = _t_quantile((1 + confidence) / 2, sample.degrees) * sqrt(variance)
    low, middle, high = (float(np.clip(rate + by, 0, 1)) for by in (-reach, 0.0, reach))
    return RateEstimate(
        rate=middle,
        low=low,
        high=high,
        variance=variance,
        degrees=sample.degrees,
        labelled=len(sample),
        tuning=tuning,
        method=Method.PREDICTION_POWERED,
    )


def differences(
    pairs: Mapping[str, tuple[RateEstimate, RateEstimate]], confidence: float = 0.95
) -> dict[str, Difference]:
    """Return each pair's difference, the first rate minus the second.

    All intervals hold jointly with at least this confidence (Bonferroni). The estimates in a pair
    are for different posts, so their samples are independent. The difference has the smaller
    degrees of freedom of the two.
    """
    found = {}
    for name, (first, second) in pairs.items():
        value = first.rate - second.rate
        degrees = min(first.degrees, second.degrees)
        t = _t_quantile(1 - (1 - confidence) / 2 / len(pairs), degrees)
        reach = t * sqrt(first.variance + second.variance)
        found[name] = Difference(value, value - reach, value + reach)
    return found


def labels_needed(estimate: RateEstimate, posts: int, width: float) -> int:
    """Return the approximate number of equally likely labels for an interval of a given width.

    The variance is proportional to 1/n - 1/posts for n labels.

    Raises
    ------
    ValueError
        When the width is not above 0.
    """
    if not width > 0:
        raise ValueError("the width of an interval must be above 0")
    now = estimate.high - estimate.low
    spread = 1 / estimate.labelled - 1 / posts
    if now <= width or spread <= 0:
        return estimate.labelled
    return min(posts, int(np.ceil(1 / (spread * (width / now) ** 2 + 1 / posts))))


def _tuning(sample: Sample) -> float:
    """Return the tuning with the least variance, from 0 to 1."""
    labels, predictions = map(sample.by_cluster, (sample.labels, sample.predictions))
    spread = float(predictions @ predictions)
    return min(1.0, max(0.0, float(labels @ predictions) / spread)) if spread else 0.0


def _variance(values: NDArray[np.float64], sample: Sample) -> float:
    """Return a Hájek mean's variance over samples.

    Clusters are drawn independently (Poisson sampling; Särndal, Swensson and Wretman, section 5.7).
    """
    correction = (sample.degrees + 2) / sample.degrees
    return correction * _squares(values, sample) / float(sample.weights.sum()) ** 2


def _squares(values: NDArray[np.float64], sample: Sample) -> float:
    """Return the sum of squared deviations, with an allowance for errors that were not drawn.

    A model with hardly any error in the sample may have others elsewhere, and its residuals alone
    would promise an interval without width. So with few errors, one more in each direction is
    counted, as for paired proportions (Bonett and Price, Journal of Educational and Behavioral
    Statistics 37, 2012).
    """
    if not sample.square_of_error:
        return 0.0
    errors = sample.by_cluster(values) ** 2 / sample.square_of_error
    total = float(errors.sum())
    effective = (total + 2) ** 2 / (float(errors @ errors) + 2)
    return sample.square_of_error * (total if effective >= FEWEST_ERRORS else total + 2)


def _by_labels_alone(sample: Sample, confidence: float) -> RateEstimate:
    """Estimate by Wilson's interval, with as many labels as would have the same variance."""
    rate = low = high = sample.mean(sample.labels)
    if isfinite(sample.precision):
        labels = sample.precision
        low, high = wilson_bounds(rate * labels, labels, (1 + confidence) / 2)
    reach = (high - low) / 2 / NormalDist().inv_cdf((1 + confidence) / 2)
    return RateEstimate(
        rate=rate,
        low=max(0.0, min(rate, low)),
        high=min(1.0, max(rate, high)),
        variance=reach**2,
        degrees=sample.degrees,
        labelled=len(sample),
        tuning=0.0,
        method=Method.LABELS_ALONE,
    )


def _t_quantile(share: float, degrees: float) -> float:
    """Return a quantile of Student's t by its series expansion (Abramowitz and Stegun, 26.7.5)."""
    z = NormalDist().inv_cdf(share)
    terms: Sequence[float] = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return float(sum(term / degrees**power for power, term in enumerate(terms)))
