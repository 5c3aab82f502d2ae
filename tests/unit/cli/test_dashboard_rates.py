"""The first section of the dashboard's page: the stress rate, or how to get one."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from plotly.utils import PlotlyJSONEncoder

from cli.dashboard.rates import COMMUNITIES, RecentRates, rates_section
from stresswatch.rates.cells import Period, Rate, RateMethod
from tests.unit.rates.worlds import DAY, MONDAY

WEEK = replace(DAY, period=Period.WEEK)
WITHOUT = {"corrected_rate": None, "low": None, "high": None, "variance": None, "tuning": None}
CALLED = replace(WEEK, method=RateMethod.NOT_CORRECTED, **WITHOUT)
SUPPRESSED = Rate(Period.WEEK, MONDAY, None, RateMethod.SUPPRESSED)


def shown(*rates, unreadable=""):
    """The section as the browser receives it."""
    section = rates_section(RecentRates(rates, unreadable))
    return json.dumps(section, cls=PlotlyJSONEncoder, ensure_ascii=False).replace("\u00a0", " ")


def weeks(rate, count, **changes):
    return [
        replace(rate, start=MONDAY + timedelta(weeks=place), **changes) for place in range(count)
    ]


def test_the_newest_corrected_rate_comes_first_with_its_interval():
    said = shown(*weeks(WEEK, 3), replace(CALLED, start=MONDAY + timedelta(weeks=3)))
    assert "40.0 %" in said
    assert "of 1,234 posts, week from 7 December 2026. 95 % interval: 32.0 to 48.0 %." in said
    assert "The model alone calls 46.0 % stressed." in said


def test_without_labels_the_called_rate_is_marked_as_uncorrected():
    said = shown(CALLED)
    assert "what the model calls stressed, not corrected" in said
    assert "stresswatch queue export" in said


def test_a_rate_of_only_some_posts_says_how_many():
    assert "The corrected rate covers 617 of the 1,234 posts" in shown(
        replace(WEEK, represented=617)
    )


def test_without_rates_it_says_how_to_get_them():
    said = shown()
    assert "There is no stress rate yet." in said
    for named in ("stresswatch measure", "labelling.label_sample_share", "stresswatch label"):
        assert named in said


def test_suppressed_rates_are_explained_by_too_few_posts():
    assert "too few posts to show" in shown(SUPPRESSED)


def test_a_read_error_is_shown():
    assert "could not be read. AccessDenied." in shown(unreadable="AccessDenied.")


def test_all_posts_and_the_largest_communities_have_charts():
    sources = [f"community {number}" for number in range(COMMUNITIES + 1)]
    rates = [replace(WEEK, source=name, posts=100 + n) for n, name in enumerate(sources)]
    hidden = replace(SUPPRESSED, source="a small one")
    said = shown(WEEK, *rates, hidden)
    assert [name in said for name in sources] == [False, *[True] * COMMUNITIES]
    assert "Stress rate of All communities, by week" in said
    assert "a small one" not in said


@pytest.mark.parametrize(
    ("rates", "period"),
    [
        ([DAY, WEEK], "day"),
        ([replace(CALLED, period=Period.DAY), WEEK], "week"),
        ([DAY, *weeks(WEEK, 3)], "week"),
    ],
)
def test_days_are_shown_while_there_are_few_weeks(rates, period):
    assert f"by {period}" in shown(*rates)
