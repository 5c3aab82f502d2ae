"""Labels with unequal weights, or of one post, carry less information than their number."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stresswatch.evaluation.labelled_sample import Sample
from stresswatch.evaluation.prediction_powered import (
    MINIMUM_LABELS,
    Method,
    differences,
    estimate_rate,
)

POSTS = 4_000
DRAWS = 1_500
COMMUNITIES = 5


def sample_of(labels, predictions, inclusion, clusters=None):
    names = np.arange(len(labels)) if clusters is None else clusters
    return Sample(labels, predictions, np.broadcast_to(inclusion, len(labels)), names.astype(str))


def test_with_equal_weights_each_label_counts_as_one():
    sample = sample_of(np.ones(40), np.ones(40), 0.01)
    assert (sample.worth, sample.degrees) == (40, 38)


def test_one_heavy_label_among_many_gives_no_estimate():
    """It alone would decide the rate and its variance."""
    rng = np.random.default_rng(1)
    labels = (rng.random(101) < 0.4).astype(float)
    sample = sample_of(labels, rng.random(101), np.append(np.full(100, 0.1), 0.001))
    assert sample.worth < MINIMUM_LABELS
    assert estimate_rate(0.5, sample) is None


@pytest.mark.parametrize("share", [0.01, 0.02])
@pytest.mark.parametrize("uncertain", [0.05, 0.3, 1.0])
def test_very_unequal_inclusion_is_covered_or_not_estimated(share, uncertain):
    rng = np.random.default_rng(3)
    truth = rng.beta(2, 2, POSTS)
    labels = (rng.random(POSTS) < truth).astype(float)
    predictions = np.clip(truth + rng.normal(0, 0.1, POSTS), 0, 1)
    inclusion = np.where(np.abs(predictions - 0.5) <= 0.1, uncertain, share)
    covered = []
    for _ in range(DRAWS):
        drawn = rng.random(POSTS) < inclusion
        sample = sample_of(labels[drawn], predictions[drawn], inclusion[drawn])
        if found := estimate_rate(predictions.mean(), sample):
            covered.append(found.low <= labels.mean() <= found.high)
    assert len(covered) < DRAWS / 2 or np.mean(covered) == pytest.approx(0.95, abs=0.015)


def test_a_few_labels_with_tiny_inclusion_give_no_estimate():
    inclusion = np.append(np.full(130, 0.1), np.full(8, 0.003))
    labels = np.arange(138) % 2.0
    assert estimate_rate(0.5, sample_of(labels, labels / 2, inclusion)) is None


@pytest.mark.parametrize(("segments", "posts", "rate"), [(3, 40, 0.05), (8, 40, 0.03)])
def test_the_interval_covers_a_rare_rate_of_segmented_posts(segments, posts, rate):
    """All segments of a post are alike: it counts as one label."""
    rng = np.random.default_rng(11)
    population = (rng.random(3_000) < rate).astype(float)
    covered = []
    for _ in range(DRAWS):
        chosen = rng.choice(3_000, posts, replace=False)
        labels = np.repeat(population[chosen], segments)
        predictions = np.clip(0.2 + 0.2 * labels + rng.normal(0, 0.05, len(labels)), 0, 1)
        sample = sample_of(labels, predictions, posts / 3_000, np.repeat(chosen, segments))
        found = estimate_rate(0.2 + 0.2 * population.mean(), sample)
        assert found.method is Method.LABELS_ALONE
        covered.append(found.low <= population.mean() <= found.high)
    assert np.mean(covered) >= 0.935


def test_intervals_of_all_differences_hold_simultaneously():
    rng = np.random.default_rng(5)
    labels = (rng.random((COMMUNITIES, POSTS)) < 0.45).astype(float)
    predictions = np.clip(0.3 * labels + 0.5 * rng.random(labels.shape), 0, 1)
    pairs = list(combinations(range(COMMUNITIES), 2))
    held = 0
    for _ in range(DRAWS):
        found = []
        for truth, said in zip(labels, predictions, strict=True):
            drawn = rng.choice(POSTS, 31, replace=False)
            sample = sample_of(truth[drawn], said[drawn], 31 / POSTS)
            found.append(estimate_rate(said.mean(), sample))
        known = differences({f"{a}-{b}": (found[a], found[b]) for a, b in pairs})
        held += all(
            known[f"{a}-{b}"].low <= labels[a].mean() - labels[b].mean() <= known[f"{a}-{b}"].high
            for a, b in pairs
        )
    assert held / DRAWS >= 0.94


@given(
    st.integers(0, 10_000),
    st.floats(0, 1),
    st.floats(0, 1),
    st.sampled_from([1e-3, 0.1, 0.9, 1.0]),
    st.integers(1, 3),
)
@settings(max_examples=200, deadline=None)
def test_a_rate_is_within_its_interval_and_between_0_and_1(seed, mean, true, inclusion, segments):
    rng = np.random.default_rng(seed)
    labels = (rng.random(100) < true).astype(float)
    predictions = np.clip(0.3 * labels + 0.05 * rng.random(100), 0, 1)
    sample = sample_of(labels, predictions, inclusion, np.arange(100) // segments)
    found = estimate_rate(mean, sample)
    assert 0 <= found.low <= found.rate <= found.high <= 1
