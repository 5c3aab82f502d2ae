"""Bounds for shares."""

import pytest
from scipy.stats import binomtest

from stresswatch.evaluation.proportions import wilson_bounds


@pytest.mark.parametrize(("hits", "total"), [(0, 30), (7, 30), (30, 30), (990, 1000)])
def test_the_bounds_are_scipys(hits, total):
    low, high = wilson_bounds(hits, total, confidence=0.975)
    expected = binomtest(hits, total).proportion_ci(0.95, method="wilson")
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_of_nothing_there_is_no_share():
    with pytest.raises(ValueError, match="at least one observation"):
        wilson_bounds(0, 0, confidence=0.95)
