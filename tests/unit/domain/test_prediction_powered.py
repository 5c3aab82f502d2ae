"""A rate from all posts' predictions and a sample's labels: unbiased for any model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ppi_py import ppi_mean_ci, ppi_mean_pointestimate
from scipy import stats

from benchmarks.rates.populations import SIMULATIONS, fit, simulated
from stresswatch.evaluation.labelled_sample import Sample
from stresswatch.evaluation.prediction_powered import (
    LEAST_OF_A_CLASS,
    MINIMUM_LABELS,
    Method,
    RateEstimate,
    _t_quantile,
    differences,
    estimate_rate,
    labels_needed,
)

DRAWS = 2_000
SEED = 5


RARE = ("rare class", "rare class, unequal", "few errors")


@pytest.mark.parametrize("name", [name for name in SIMULATIONS if name not in RARE])
def test_the_interval_covers_the_true_rate_in_95_percent_of_draws(name):
    found = fit(simulated(name, SEED), DRAWS, SEED)
    assert found.coverage == pytest.approx(0.95, abs=0.01)
    assert found.corrected == pytest.approx(found.true, abs=0.003)
    assert found.variance_ratio == pytest.approx(1, rel=0.12)
    assert found.estimated == 1


@pytest.mark.parametrize("name", RARE)
def test_rare_posts_and_rare_errors_are_covered_too(name):
    found = fit(simulated(name, 11), DRAWS, 11)
    assert found.coverage >= 0.93
    assert found.corrected == pytest.approx(found.true, abs=0.003)


@pytest.mark.parametrize("errors", range(6))
def test_a_sample_with_few_errors_still_has_a_wide_interval(errors):
    """Without the allowance, an interval without any error would have no width."""
    labels = np.arange(100) % 2.0
    predictions = np.where(np.arange(100) < errors, 1 - labels, labels)
    sample = Sample(labels, predictions, np.full(100, 0.01), np.arange(100).astype(str))
    found = estimate_rate(0.47, sample)
    assert found.method is Method.PREDICTION_POWERED
    assert found.low <= 0.47 - 0.025
    assert found.high >= 0.47 + 0.025


def test_positives_of_little_weight_fall_back_to_labels_alone():
    labels = np.append(np.ones(40), np.zeros(60))
    inclusion = np.append(np.full(40, 1.0), np.full(60, 0.01))
    sample = Sample(labels, labels * 0.5, inclusion, np.arange(100).astype(str))
    found = estimate_rate(0.004, sample)
    assert found.method is Method.LABELS_ALONE
    assert found.high >= 0.05


def drawn_sample(rng, labelled=200):
    predictions = rng.random(labelled)
    labels = (rng.random(labelled) < predictions).astype(float)
    return Sample(labels, predictions, np.full(labelled, 1e-12), np.arange(labelled).astype(str))


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_the_estimate_equals_ppi_python_on_all_predictions(seed):
    """Theirs is for a larger population, of which all predictions are a sample as well."""
    rng = np.random.default_rng(seed)
    sample, others = drawn_sample(rng), rng.random(5_000)
    ours = estimate_rate(others.mean(), sample)
    theirs = ppi_mean_pointestimate(sample.labels, sample.predictions, others, lam=ours.tuning)
    assert ours.rate == pytest.approx(float(theirs[0]), abs=1e-9)
    low, high = ppi_mean_ci(sample.labels, sample.predictions, others, alpha=0.05, lam=ours.tuning)
    reach = (float(high[0]) - float(low[0])) / 2 / stats.norm.ppf(0.975)
    n = len(sample)
    of_predictions = ours.tuning**2 * others.var() / len(others)
    assert ours.variance * (n - 2) / n == pytest.approx(reach**2 - of_predictions, rel=1e-9)


def test_tuning_never_widens_the_interval_beyond_labels_alone():
    rng = np.random.default_rng(3)
    good, useless = drawn_sample(rng), drawn_sample(rng)
    useless = Sample(useless.labels, rng.random(200), useless.inclusion, useless.clusters)
    for sample in (good, useless):
        found = estimate_rate(sample.predictions.mean(), sample)
        alone = sample.labels.var(ddof=1) / len(sample)
        assert 0 <= found.tuning <= 1
        assert found.variance <= alone * 1.01, "but for the degree of freedom of the tuning"


def test_labelling_all_posts_gives_an_interval_of_zero_width():
    rng = np.random.default_rng(5)
    predictions = rng.random(500)
    labels = (rng.random(500) < 0.4).astype(float)
    sample = Sample(labels, predictions, np.ones(500), np.arange(500).astype(str))
    found = estimate_rate(predictions.mean(), sample)
    assert found.rate == pytest.approx(labels.mean())
    assert (found.low, found.high) == pytest.approx((found.rate, found.rate))


def test_fewer_labels_than_the_minimum_give_no_estimate():
    rng = np.random.default_rng(1)
    assert estimate_rate(0.5, drawn_sample(rng, MINIMUM_LABELS - 1)) is None
    assert estimate_rate(0.5, drawn_sample(rng, MINIMUM_LABELS)) is not None


@pytest.mark.parametrize("clusters", [0, 1, 2, 3, MINIMUM_LABELS - 1])
def test_many_labels_of_a_few_posts_give_no_estimate(clusters):
    """Segments of a post may be alike: with two posts, the variance has no degree of freedom."""
    sample = drawn_sample(np.random.default_rng(1), 200 if clusters else 0)
    segments = replace(sample, clusters=(np.arange(len(sample)) % max(1, clusters)).astype(str))
    assert estimate_rate(0.5, segments) is None


@pytest.mark.parametrize("positives", range(LEAST_OF_A_CLASS))
def test_a_class_with_few_labels_gets_a_wilson_interval(positives):
    labels = np.zeros(100)
    labels[:positives] = 1
    sample = Sample(labels, np.full(100, 0.3), np.full(100, 0.01), np.arange(100).astype(str))
    found = estimate_rate(0.3, sample)
    assert found.method == Method.LABELS_ALONE
    assert found.low <= found.rate < found.high
    assert found.high >= 0.035, "not even with no positive label is the rate 0 for sure"


def rate(value, variance=0.0004):
    return RateEstimate(value, value, value, variance, 98.0, 100, 0.5, Method.PREDICTION_POWERED)


def test_more_comparisons_make_each_interval_wider():
    pairs = {str(place): (rate(0.45), rate(0.40)) for place in range(10)}
    (one,) = differences({"a": pairs["0"]}).values()
    among_ten = differences(pairs)["0"]
    assert one.value == among_ten.value == pytest.approx(0.05)
    assert among_ten.high - among_ten.low > 1.4 * (one.high - one.low)
    assert not one.is_told_from_chance
    assert differences({"a": (rate(0.6), rate(0.4))})["a"].is_told_from_chance
    assert differences({}) == {}


def test_labels_needed_for_a_width_achieve_that_width():
    rng = np.random.default_rng(2)
    posts = 20_000
    predictions = rng.random(posts)
    labels = (rng.random(posts) < predictions).astype(float)

    def measured(labelled):
        chosen = rng.permutation(posts)[:labelled]
        inclusion = np.full(labelled, labelled / posts)
        sample = Sample(labels[chosen], predictions[chosen], inclusion, chosen.astype(str))
        return estimate_rate(predictions.mean(), sample)

    now = measured(200)
    needed = labels_needed(now, posts, width=0.05)
    then = measured(needed)
    assert then.high - then.low == pytest.approx(0.05, rel=0.15)
    assert labels_needed(now, posts, width=1.0) == 200
    with pytest.raises(ValueError, match="must be above 0"):
        labels_needed(now, posts, width=0)


@pytest.mark.parametrize("inclusion", [0.0, -0.1, 1.1, float("nan")])
def test_an_invalid_inclusion_probability_is_rejected(inclusion):
    with pytest.raises(ValueError, match="above 0 and at most 1"):
        Sample(np.ones(1), np.ones(1), np.array([inclusion]), np.array(["a"]))


@pytest.mark.parametrize("degrees", [10, 28, 100, 10_000])
def test_quantiles_match_students_t(degrees):
    assert _t_quantile(0.975, degrees) == pytest.approx(stats.t.ppf(0.975, degrees), rel=2e-4)
