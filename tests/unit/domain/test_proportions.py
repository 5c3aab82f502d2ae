"""Bounds for shares."""

import pytest
from scipy.stats import binomtest

from stresswatch.evaluation.proportions import wilson_bounds


@pytest.mark.parametrize(("hits", "total"), [(0, 30), (7, 30), (30, 30), (990, 1000)])
def test_wilson_bounds_match_scipy(hits, total):
    low, high = wilson_bounds(hits, total, confidence=0.975)
    expected = binomtest(hits, total).proportion_ci(0.95, method="wilson")
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_zero_observations_are_an_error():
    with pytest.raises(ValueError, match="at least one observation"):
        wilson_bounds(0, 0, confidence=0.95)
