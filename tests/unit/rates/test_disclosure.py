"""Sums and differences of a week's shown cells do not reveal a small cell."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from stresswatch.rates.cells import Cell, Period
from stresswatch.rates.disclosure import giving_away
from stresswatch.rates.suppression import suppressed
from tests.unit.rates.test_suppression import day, week, with_totals

MINIMUM = 20


def test_a_small_day_cannot_be_derived_from_its_week_and_other_day():
    """With 9 posts on Monday and 43 on Tuesday, 43 and 52 in all reveal the 9."""
    posts = with_totals({("s0", 0): 9, ("s1", 1): 43})
    small = {day("s0"), day(), week("s0")}
    assert giving_away(posts, small, MINIMUM) in {day("s1", 1), day(None, 1), week("s1")}
    shown = posts.keys() - suppressed(posts, MINIMUM)
    assert week() not in shown or shown == {week()}


def test_nothing_more_is_hidden_if_small_cells_cannot_be_derived():
    posts = with_totals({("a", 0): 9, ("b", 0): 15, ("a", 1): 40, ("b", 1): 50})
    hidden = suppressed(posts, MINIMUM)
    assert giving_away(posts, hidden, MINIMUM) is None
    assert week() not in hidden


def test_without_small_cells_nothing_is_suppressed():
    posts = with_totals({("a", 0): 90, ("b", 1): 150})
    assert suppressed(posts, MINIMUM) == set()


@given(
    st.dictionaries(
        st.tuples(st.sampled_from(["a", "b", "c", "d", None]), st.integers(0, 6)),
        st.one_of(st.integers(1, 19), st.integers(20, 400)),
        min_size=1,
    )
)
@settings(deadline=None)
def test_no_small_cell_can_be_derived_from_shown_ones(posts):
    cells = with_totals(posts)
    hidden = suppressed(cells, MINIMUM)
    shown = [parts_of(cell, posts) for cell in cells if cell not in hidden]
    for cell, count in cells.items():
        if count < MINIMUM:
            assert rank([*shown, parts_of(cell, posts)]) == rank(shown) + 1


def parts_of(cell: Cell, posts):
    """Return the community days in a cell's sum."""
    return [
        Fraction(
            (cell.source in (None, source))
            and (cell.period is Period.WEEK or cell == day(cell.source, number))
        )
        for source, number in posts
    ]


def rank(rows):
    """Return the rank of a matrix of fractions, without floats."""
    rows, found = [list(row) for row in rows], 0
    for column in range(len(rows[0]) if rows else 0):
        pivot = next((row for row in rows[found:] if row[column]), None)
        if pivot is None:
            continue
        rows.remove(pivot)
        rows.insert(found, pivot)
        for row in rows[found + 1 :]:
            factor = row[column] / pivot[column]
            row[:] = [value - factor * other for value, other in zip(row, pivot, strict=True)]
        found += 1
    return found
