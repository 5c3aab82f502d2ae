"""The suppressed cells: small ones, and those that would reveal a small one.

A total minus all parts except one is that part. So if a part is suppressed and its total is shown,
at least two parts are suppressed, and together they reach the minimum number of posts. This is
complementary suppression (Willenborg and de Waal, "Elements of statistical disclosure control",
2001, section 4.2). A period's parts are its communities, a week's are its days. Several totals
together may still reveal a small cell: `disclosure` finds such cases, and suppresses more cells
until none is left.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta

from stresswatch.rates.cells import Cell, Period, Rate, RateMethod, week_of
from stresswatch.rates.disclosure import giving_away

_Group = tuple[Cell, Sequence[Cell]]
"""A total, and its parts."""


def suppressed(posts: Mapping[Cell, int], minimum_posts: int) -> set[Cell]:
    """Return the cells to suppress, given the number of posts in each."""
    hidden = {cell for cell, count in posts.items() if count < minimum_posts}
    groups, weeks = _groups(posts), _weeks(posts)
    known = -1
    while known != len(hidden):  # one group's protection may be another's leak
        known = len(hidden)
        for total, parts in groups:
            if total not in hidden:
                hidden |= _protection(total, parts, hidden, posts, minimum_posts)
        if known == len(hidden):
            for cells in weeks:
                while cell := giving_away(cells, hidden, minimum_posts):
                    hidden.add(cell)
    return hidden


def shown_of(recent: Iterable[Rate], table: Iterable[Rate]) -> list[Rate]:
    """Suppress seven-day cells that contain a day suppressed in the table.

    The others are sums of shown days, and reveal nothing else. Seven days that form a week in the
    table are treated as in the table.
    """
    known = {rate.cell: rate for rate in table}
    hidden = {cell for cell, rate in known.items() if rate.method is RateMethod.SUPPRESSED}
    return [
        known.get(rate.cell)
        or (Rate(*rate.cell, RateMethod.SUPPRESSED) if hidden & _days_of(rate.cell) else rate)
        for rate in recent
    ]


def _days_of(cell: Cell) -> set[Cell]:
    days = (cell.start + timedelta(days=number) for number in range(cell.period.days))
    return {Cell(Period.DAY, day, cell.source) for day in days}


def _protection(
    total: Cell,
    parts: Sequence[Cell],
    hidden: set[Cell],
    posts: Mapping[Cell, int],
    minimum_posts: int,
) -> set[Cell]:
    """Return further cells to suppress, so that the total reveals none of its parts."""
    added: set[Cell] = set()
    secret = [part for part in parts if part in hidden]
    if not secret:
        return added
    shown = sorted(set(parts) - hidden, key=lambda part: (posts[part], part.start, part.source))
    # Posts without a community are in a total, and never shown by themselves.
    others = posts[total] - sum(posts[part] for part in parts)
    count, size = len(secret) + (others > 0), others + sum(posts[part] for part in secret)
    for part in shown:
        if count >= 2 and size >= minimum_posts:
            return added
        added.add(part)
        count, size = count + 1, size + posts[part]
    return added if count >= 2 and size >= minimum_posts else added | {total}


def _weeks(posts: Mapping[Cell, int]) -> list[dict[Cell, int]]:
    """Return each week's cells, in a fixed order."""
    found: dict[date, dict[Cell, int]] = {}
    for cell in sorted(posts, key=lambda one: (one.period, one.start, one.source or "")):
        found.setdefault(week_of(cell.start), {})[cell] = posts[cell]
    return list(found.values())


def _groups(posts: Mapping[Cell, int]) -> list[_Group]:
    """Return the totals with their parts, in a fixed order."""
    parts: dict[Cell, list[Cell]] = {}
    for cell in sorted(posts, key=lambda one: (one.period, one.start, one.source or "")):
        if cell.source is not None:
            parts.setdefault(cell._replace(source=None), []).append(cell)
        if cell.period is Period.DAY:
            week = cell._replace(period=Period.WEEK, start=week_of(cell.start))
            if week in posts:
                parts.setdefault(week, []).append(cell)
    return [
        (total, [part for part in found if part.period is period])
        for total, found in parts.items()
        for period in sorted({part.period for part in found})
    ]
