"""Differences between cells, in sentences."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from stresswatch.rates.cells import Period, Rate, RateMethod
from stresswatch.rates.comparisons import between_communities, between_periods
from tests.unit.rates.worlds import MONDAY

RATE = Rate(
    Period.WEEK,
    MONDAY,
    None,
    RateMethod.PREDICTION_POWERED,
    posts=1_000,
    labelled=100,
    corrected_rate=0.4,
    low=0.37,
    high=0.43,
    variance=0.015**2,
    degrees=1e9,
    tuning=0.8,
)
UNCORRECTED = replace(RATE, method=RateMethod.NOT_CORRECTED, corrected_rate=None, variance=None)


def later(rate, weeks=1, **changes):
    return replace(rate, start=rate.start + timedelta(weeks=weeks), **changes)


def sentences(found):
    return [str(one) for one in found]


def test_a_rise_and_a_fall_are_reported_with_their_intervals():
    assert sentences(between_periods([RATE, later(RATE, corrected_rate=0.5)])) == [
        "2026-11-23 to 2026-11-30: rose by 10.0 points, 5.8 to 14.2"
    ]
    assert sentences(between_periods([RATE, later(RATE, corrected_rate=0.3)])) == [
        "2026-11-23 to 2026-11-30: fell by 10.0 points, 5.8 to 14.2"
    ]


def test_an_insignificant_difference_is_not_reported_as_a_rise():
    assert sentences(between_periods([RATE, later(RATE, corrected_rate=0.42)])) == [
        "2026-11-23 to 2026-11-30: not significant: \N{MINUS SIGN}2.2 to 6.2 points"
    ]


def test_intervals_widen_with_the_number_of_comparisons():
    two = between_periods([RATE, later(RATE)])
    many = between_periods([later(RATE, weeks=week) for week in range(11)])
    assert (len(two), len(many)) == (1, 10)
    assert many[0].difference.high > 1.3 * two[0].difference.high


@pytest.mark.parametrize("other", [later(RATE, weeks=2), later(UNCORRECTED)])
def test_nothing_is_compared_across_a_gap(other):
    assert between_periods([RATE, other]) == []


def test_periods_of_another_community_or_length_are_not_compared():
    of_day = replace(RATE, period=Period.DAY, start=MONDAY - timedelta(days=1))
    assert between_periods([RATE, later(RATE, source="ptsd"), of_day]) == []


def test_the_largest_communities_of_the_newest_period_are_compared():
    small = replace(RATE, source="ptsd", posts=100, corrected_rate=0.2)
    large = replace(RATE, source="anxiety")
    older = later(replace(RATE, source="anxiety"), weeks=-1)
    alone = later(large)
    assert sentences(between_communities([RATE, older, small, large, alone])) == [
        "2026-11-23, anxiety compared with ptsd: higher by 20.0 points, 15.8 to 24.2"
    ]
    assert between_communities([RATE, large]) == []


def test_at_most_five_communities_are_compared():
    found = between_communities([replace(RATE, source=name) for name in "abcdefgh"])
    assert len(found) == 10
