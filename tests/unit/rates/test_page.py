"""The page: one file that draws the available rates, and names the missing ones."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from stresswatch.rates import page as rate_page
from stresswatch.rates.cells import Period, Rate, RateMethod
from stresswatch.rates.chart import chart, image
from stresswatch.rates.page import COMMUNITIES
from tests.unit.rates.worlds import DAY, MONDAY


def page(rates):
    return rate_page.page(rates, "stresswatch-dev", datetime(2026, 12, 1, 9, 5, tzinfo=UTC))


def later(days, **changes):
    return replace(DAY, start=MONDAY + timedelta(days=days), **changes)


def elements(svg, name):
    """Return the elements of a class."""
    return [one for one in ElementTree.fromstring(svg).iter() if one.get("class") == name]


def test_consecutive_periods_are_one_band_and_a_gap_starts_another():
    svg = chart([DAY, later(1), later(3), later(4, corrected_rate=None)], "a title")
    assert [len(one.get("points").split()) for one in elements(svg, "band")] == [4, 2]
    assert len(elements(svg, "dot")) == 3
    assert [len(one.get("points").split()) for one in elements(svg, "called")] == [2, 2]


def test_the_first_period_of_a_new_version_is_marked():
    svg = chart([DAY, later(1, model_versions="v1,v2"), later(2, model_versions="v2")], "")
    assert len(elements(svg, "change")) == 1
    assert ">v2</text>" in svg


def test_only_the_newest_of_adjacent_version_changes_is_named():
    svg = chart([DAY, *(later(day, model_versions=f"v{day}000000") for day in (1, 19, 20))], "")
    assert len(elements(svg, "change")) == 3
    assert [f">v{day}000000</text>" in svg for day in (1, 19, 20)] == [True, False, True]


def test_a_long_version_name_is_shown_only_on_hover():
    name = "v20261122T101010-aaaa1111-and-more"
    svg = chart([DAY, later(1, model_versions=name)], "")
    assert "new version</text>" in svg
    assert f"<title>{name}</title>" in svg


def test_an_image_is_a_standalone_svg_with_its_style():
    drawn = ElementTree.fromstring(image([DAY, later(1)]))
    assert drawn.tag == "{http://www.w3.org/2000/svg}svg"
    assert ".band" in "".join(drawn.itertext())


def test_a_called_rate_without_neighbours_is_a_short_line():
    (called,) = elements(chart([DAY], ""), "called")
    (first, y), (second, other_y) = (pair.split(",") for pair in called.get("points").split())
    assert float(first) < float(second)
    assert y == other_y


def test_dates_of_adjacent_days_do_not_overlap():
    days = [later(day) for day in (0, 1, 2, 40)]
    drawn = ElementTree.fromstring(chart(days, "")).iter("text")
    assert [one.text for one in drawn if "%" not in one.text] == ["23 Nov", "2 Jan"]


@pytest.mark.parametrize(
    "rates",
    [
        [DAY],
        [Rate(Period.DAY, MONDAY, None, RateMethod.SUPPRESSED)],
        [replace(DAY, called_rate=0.0, corrected_rate=0.0, low=0.0, high=0.0)],
        [replace(DAY, called_rate=1.0, corrected_rate=1.0, low=1.0, high=1.0)],
    ],
)
def test_everything_is_drawn_within_the_image_for_any_rates(rates):
    svg = chart(rates, "a title")
    width, height = map(float, ElementTree.fromstring(svg).get("viewBox").split()[2:])
    for one in ElementTree.fromstring(svg).iter():
        for x, y in (pair.split(",") for pair in one.get("points", "").split()):
            assert 0 <= float(x) <= width
            assert 0 <= float(y) <= height


def test_community_and_version_names_are_escaped():
    odd = '<script>alert("x")</script>'
    said = page([DAY, later(1, source=odd), later(2, source=odd, model_versions=odd)])
    assert "<script" not in said
    assert "&lt;script&gt;" in said


def test_the_page_is_self_contained_and_fits_a_phone():
    said = page([DAY])
    assert "http" not in said
    assert "src=" not in said
    assert 'name="viewport"' in said


def test_a_long_name_wraps_within_the_width_of_the_page():
    style = page([replace(DAY, source="a" * 256)]).partition("</style>")[0]
    assert "h1,h2,h3,p,li,caption{overflow-wrap:anywhere}" in style


def test_the_header_names_the_stack_and_the_time():
    top = page([DAY]).partition("<section>")[0]
    assert "<p>stresswatch-dev, written at 2026-12-01 09:05 UTC</p>" in top


@pytest.mark.parametrize(
    ("days", "title"), [(35, "By day"), (36, "By day (the last 35 days with posts)")]
)
def test_a_title_says_which_days_are_shown(days, title):
    said = page([later(day) for day in range(days)])
    assert f"<h3>{title}</h3>" in said
    assert said.count("<tr><td>") == 35


def test_every_chart_has_a_name_and_a_table():
    said = page([DAY, later(1), replace(DAY, period=Period.WEEK)])
    assert said.count('role="img"') == said.count("<caption>") == 2
    assert 'aria-label="All communities, by week"' in said
    assert "<td>2026-11-23</td><td>1,234</td><td>46.0 %</td><td>40.0 %</td>" in said


def test_a_row_without_a_corrected_rate_says_why():
    said = page([later(1, method=RateMethod.NOT_CORRECTED, corrected_rate=None, low=None)])
    assert "Model only, not corrected" in said
    assert page([]).count("There are no posts yet.") == 1


def test_the_page_of_many_communities_is_below_a_megabyte():
    rates = [
        later(day, source=source, period=period)
        for source in (None, *(f"community {number}" for number in range(100)))
        for period in Period
        for day in range(0, 372, period.days)
    ]
    said = page(rates)
    assert said.count("<section>") == COMMUNITIES + 1
    assert f"{100 - COMMUNITIES} smaller communities" in said
    assert len(said.encode()) < 1e6
