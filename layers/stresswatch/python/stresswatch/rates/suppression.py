"""Which cells are suppressed: small ones, and those that would give a small one away.

A total minus all of its parts but one is that part. So wherever a part is suppressed and its total
is not, at least two are, and together they have as many posts as a cell must have (complementary
suppression: Willenborg and de Waal, "Elements of statistical disclosure control", 2001, section
4.2). Parts of a period of all communities are its communities, those of a week its days. Several
totals together may still tell a small cell: `disclosure` finds those, and takes cells away until
none does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta

from stresswatch.rates.cells import Cell, Period, Rate, RateMethod, week_of
from stresswatch.rates.disclosure import giving_away

_Group = tuple[Cell, Sequence[Cell]]
"""A total, and its parts."""


def suppressed(posts: Mapping[Cell, int], minimum_posts: int) -> set[Cell]:
    """Return the cells to suppress, given the posts of each that has any."""
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
    """Suppress those of seven days of which the table suppresses any day.

    The others are sums of days that are shown, and tell nothing else. Seven days that are a week of
    the table are as the table has them.
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
    """Return what else to suppress, so that the total gives none of its parts away."""
    added: set[Cell] = set()
    secret = [part for part in parts if part in hidden]
    if not secret:
        return added
    shown = sorted(set(parts) - hidden, key=lambda part: (posts[part], part.start, part.source))
    # Posts that name no community are in a total, and never shown by themselves.
    others = posts[total] - sum(posts[part] for part in parts)
    count, size = len(secret) + (others > 0), others + sum(posts[part] for part in secret)
    for part in shown:
        if count >= 2 and size >= minimum_posts:
            return added
        added.add(part)
        count, size = count + 1, size + posts[part]
    return added if count >= 2 and size >= minimum_posts else added | {total}


def _weeks(posts: Mapping[Cell, int]) -> list[dict[Cell, int]]:
    """Return the cells of each week, in an order that is always the same."""
    found: dict[date, dict[Cell, int]] = {}
    for cell in sorted(posts, key=lambda one: (one.period, one.start, one.source or "")):
        found.setdefault(week_of(cell.start), {})[cell] = posts[cell]
    return list(found.values())


def _groups(posts: Mapping[Cell, int]) -> list[_Group]:
    """Return the totals with their parts, in an order that is always the same."""
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
