"""Rates of small cells are hidden, and cannot be derived from shown ones."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from stresswatch.rates.cells import Cell, Period, RateMethod
from stresswatch.rates.estimation import estimate_rates
from stresswatch.rates.suppression import shown_of, suppressed
from tests.unit.rates.worlds import MONDAY, World, days

MINIMUM = 20


def day(source=None, number=0):
    return Cell(Period.DAY, MONDAY + timedelta(days=number), source)


def week(source=None):
    return Cell(Period.WEEK, MONDAY, source)


def with_totals(posts):
    """Add the totals of days by source, and those of the week."""
    cells = {}
    for (source, number), count in posts.items():
        for cell in {day(source, number), day(None, number), week(source), week()}:
            cells[cell] = cells.get(cell, 0) + count
    return cells


def test_cells_with_few_posts_are_suppressed():
    assert suppressed({day(): 19}, MINIMUM) == {day()}
    assert suppressed({day(): 20}, MINIMUM) == set()


def test_a_small_community_also_suppresses_the_next_smallest():
    posts = {day(): 600, day("small"): 5, day("middle"): 95, day("large"): 500}
    assert suppressed(posts, MINIMUM) == {day("small"), day("middle")}


def test_communities_that_are_small_even_together_suppress_another():
    posts = {day(): 614, day("a"): 5, day("b"): 9, day("middle"): 100, day("large"): 500}
    assert suppressed(posts, MINIMUM) == {day("a"), day("b"), day("middle")}
    posts = {day(): 524, day("a"): 9, day("b"): 15, day("large"): 500}
    assert suppressed(posts, MINIMUM) == {day("a"), day("b")}


def test_posts_without_a_community_are_enough_to_hide_a_small_one():
    posts = {day(): 605, day("small"): 5, day("large"): 500}
    assert suppressed(posts, MINIMUM) == {day("small")}


def test_a_small_day_cannot_be_derived_from_its_week():
    posts = with_totals({("ptsd", 0): 5, ("ptsd", 1): 50, ("ptsd", 2): 90})
    found = suppressed(posts, MINIMUM)
    assert {cell for cell in found if cell.source} == {day("ptsd"), day("ptsd", 1)}
    assert week("ptsd") not in found


@given(
    st.dictionaries(
        st.tuples(st.sampled_from(["a", "b", "c", None]), st.integers(0, 3)),
        st.integers(1, 60),
        min_size=1,
    )
)
def test_subtraction_never_reveals_a_small_cell(posts):
    cells = with_totals(posts)
    hidden = suppressed(cells, MINIMUM)
    assert {cell for cell, count in cells.items() if count < MINIMUM} <= hidden
    totals = [week(), *(week(source) for source in "abc"), *(day(None, n) for n in range(4))]
    for total in totals:
        if total not in cells or total in hidden:
            continue
        by_day = [Cell(Period.DAY, one, total.source) for one in days(7)]
        by_community = [total._replace(source=source) for source in "abc"]
        for parts in (
            *([by_day] if total.period is Period.WEEK else []),
            *([by_community] if total.source is None else []),
        ):
            known = [part for part in parts if part in cells]
            if not hidden & set(known):
                continue
            rest = cells[total] - sum(cells[part] for part in known if part not in hidden)
            assert rest >= MINIMUM


def recent_and_table(numbers, first):
    """Estimate seven days from `first` on, and the table of two weeks."""
    world = World()
    for one, posts in zip(days(14), numbers, strict=True):
        world.add(posts, day=one)
    spans = [(Period.DAY, one) for one in days(14)]
    spans += [(Period.WEEK, one) for one in days(14)[::7]]
    table = estimate_rates(world.counts, world.draws, spans, MINIMUM)
    seven_days = [(Period.WEEK, MONDAY + timedelta(days=first))]
    return shown_of(estimate_rates(world.counts, world.draws, seven_days, MINIMUM), table), table


def test_seven_days_with_a_suppressed_day_are_suppressed():
    """Six of the days are shown: subtracted from the seven, they leave the seventh."""
    recent, _ = recent_and_table([*range(200, 205), 12, 3, *range(207, 214)], 6)
    assert {rate.method for rate in recent} == {RateMethod.SUPPRESSED}
    assert {rate.posts for rate in recent} == {None}


def test_seven_days_without_suppression_have_their_values():
    recent, _ = recent_and_table(range(200, 214), 6)
    assert [rate.posts for rate in recent] == [sum(range(206, 213))] * 2


def test_seven_days_of_a_calendar_week_match_the_table():
    recent, table = recent_and_table([*range(200, 205), 12, 3, *range(207, 214)], 0)
    weeks = {rate.cell: rate for rate in table}
    assert recent == [weeks[rate.cell] for rate in recent]
