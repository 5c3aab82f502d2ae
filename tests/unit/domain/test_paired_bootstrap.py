"""Differences of two models on the same posts, with bounds."""

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, f1_score

from stresswatch.evaluation.paired_bootstrap import compare


def drawn(n=400, seed=1, noise=0.3):
    """Labels, and two models' probabilities, of which the second is the noisier."""
    chance = np.random.default_rng(seed)
    labels = chance.integers(2, size=n)
    better = np.clip(labels * 0.4 + 0.3 + chance.normal(0, 0.15, n), 0, 1)
    worse = np.clip(better + chance.normal(0, noise, n), 0, 1)
    return labels, better, worse


def ids(n):
    return [f"post-{place}" for place in range(n)]


def test_differences_equal_those_of_scikit_learns_metrics():
    labels, better, worse = drawn()
    difference = compare(labels, worse, better, ids(400))
    f1 = [f1_score(labels, model >= 0.5) for model in (worse, better)]
    brier = [brier_score_loss(labels, model) for model in (worse, better)]
    assert difference.f1.value == pytest.approx(f1[1] - f1[0])
    assert difference.brier.value == pytest.approx(brier[1] - brier[0])


def test_a_model_does_not_differ_from_itself():
    labels, better, _ = drawn()
    difference = compare(labels, better, better, ids(400))
    for part in (difference.f1, difference.brier):
        assert (part.value, part.low, part.high) == pytest.approx((0, 0, 0), abs=1e-12)


def test_swapping_the_models_negates_the_difference():
    labels, better, worse = drawn()
    there, back = (
        compare(labels, *pair, ids(400)).brier for pair in ((better, worse), (worse, better))
    )
    assert (there.value, there.low, there.high) == pytest.approx(
        (-back.value, -back.high, -back.low)
    )


def test_the_same_posts_have_the_same_bounds():
    labels, better, worse = drawn()
    assert compare(labels, worse, better, ids(400)) == compare(labels, worse, better, ids(400))


def test_bounds_are_exceeded_as_often_as_the_confidence_says():
    """Many samples of one population, whose difference in Brier score is known."""
    labels, better, worse = drawn(100_000)
    truth = brier_score_loss(labels, worse) - brier_score_loss(labels, better)
    chance = np.random.default_rng(5)
    above = below = 0
    samples = 200
    for _ in range(samples):
        rows = chance.integers(100_000, size=150)
        bounds = compare(labels[rows], better[rows], worse[rows], ids(150), confidence=0.9).brier
        above += truth > bounds.high
        below += truth < bounds.low
    # Ten in a hundred; a binomial of 200 draws is within these limits in 999 of 1,000 cases.
    assert 7 <= above <= 35
    assert 7 <= below <= 35


def test_bounds_narrow_with_more_posts():
    def width(n):
        labels, better, worse = drawn(n)
        bounds = compare(labels, worse, better, ids(n)).f1
        return bounds.high - bounds.low

    assert width(6400) == pytest.approx(width(100) / 8, rel=0.4)


def test_segments_of_one_post_count_as_one_observation():
    labels, better, worse = drawn(60)
    tripled = [np.tile(part, 3) for part in (labels, better, worse)]
    single = compare(labels, better, worse, ids(60)).brier
    segments = compare(*tripled, ids(60) * 3).brier
    strangers = compare(*tripled, ids(180)).brier
    assert (segments.low, segments.high) == pytest.approx((single.low, single.high))
    assert strangers.high - strangers.low < 0.7 * (segments.high - segments.low)


def test_without_positive_posts_the_f1_difference_is_zero():
    none = np.zeros(50, dtype=np.int64)
    difference = compare(none, np.full(50, 0.1), np.full(50, 0.2), ids(50))
    assert difference.f1.value == 0


def test_comparing_without_posts_is_an_error():
    empty = np.array([])
    with pytest.raises(ValueError, match="at least one labelled post"):
        compare(empty.astype(np.int64), empty, empty, [])
