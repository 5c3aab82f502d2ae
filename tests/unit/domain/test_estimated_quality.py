"""F1 without labels is right where probabilities are, and wrong elsewhere."""

import numpy as np
import pytest
from sklearn.metrics import f1_score

from stresswatch.evaluation.estimated_quality import estimate_f1


@pytest.fixture
def dice():
    return np.random.default_rng(3)


@pytest.mark.parametrize("shape", [(1, 1), (2, 5), (0.3, 0.3), (8, 2)])
def test_with_calibrated_probabilities_the_estimate_equals_f1(dice, shape):
    probability = dice.beta(*shape, size=200_000)
    labels = dice.random(200_000) < probability
    expected = f1_score(labels, probability >= 0.5)
    assert estimate_f1(probability) == pytest.approx(expected, abs=0.005)


def test_an_overconfident_model_gets_too_high_an_estimate(dice):
    honest = dice.beta(2, 2, size=50_000)
    labels = dice.random(50_000) < honest
    sure = honest**4 / (honest**4 + (1 - honest) ** 4)
    assert estimate_f1(sure) > f1_score(labels, sure >= 0.5) + 0.1


def test_the_estimate_uses_the_expected_counts_of_each_post():
    """0.8 and 0.5 are predicted as stressed: 1.3 of them right, and 0.4 of the others missed."""
    probability = np.array([0.8, 0.5, 0.4, 0.0])
    assert estimate_f1(probability) == pytest.approx(2 * 1.3 / (2 + 1.3 + 0.4))


@pytest.mark.parametrize(("value", "f1"), [(0.0, 0.0), (1.0, 1.0)])
def test_the_estimate_is_exact_without_uncertainty(value, f1):
    assert estimate_f1(np.full(3, value)) == f1
