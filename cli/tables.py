"""Tables for terminals of any width: omit columns rather than break words."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from rich.console import Console, ConsoleOptions
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text


def fitted(
    console: Console,
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    numbers: Collection[str],
    dispensable: Sequence[str],
    elsewhere: str = "--json has all",
) -> Table:
    """Return a table whose words all fit, omitting as few columns as necessary.

    Parameters
    ----------
    rows : sequence of sequences of str
        Cells in the order of the columns, as markup; a row may be shorter.
    numbers : collection of str
        Columns aligned to the right.
    dispensable : sequence of str
        Columns to omit, in this order; the caption then names them.
    elsewhere : str
        Where to find the omitted columns.
    """
    cells = {
        name: [row[place] if place < len(row) else "" for row in rows]
        for place, name in enumerate(columns)
    }
    measured = {
        name: console.measure(Text("\n").join(map(console.render_str, [name, *cells[name]])))
        for name in columns
    }
    shown = list(columns)
    left_out: list[str] = []
    for name in dispensable:
        if _rest(console, [measured[one].minimum for one in shown]) >= 0:
            break
        shown.remove(name)
        left_out.append(name)
    table = Table(title=title, title_justify="left", caption_justify="left", show_lines=True)
    if left_out:
        table.caption = f"Too narrow for {' and '.join(left_out)}; {elsewhere}."
    widths = {name: measured[name].minimum for name in shown}
    rest = _rest(console, widths.values())
    for name in sorted(shown, key=lambda name: measured[name].span):
        more = max(0, min(measured[name].span, rest))
        widths[name] += more
        rest -= more
    for name in shown:
        table.add_column(
            name,
            overflow="fold",
            justify="right" if name in numbers else "left",
            width=widths[name] if rest >= 0 else None,
        )
    for row in zip(*(cells[name] for name in shown), strict=True):
        table.add_row(*row)
    return table


def _rest(console: Console, widths: Collection[int]) -> int:
    """Return the characters left beside columns with their frames."""
    return console.width - sum(widths) - 3 * len(widths) - 1


class Figures:
    """Values with their names, separated by commas; lines break only between them."""

    def __init__(self, figures: Sequence[str]):
        self._figures = [Text.from_markup(figure) for figure in figures]

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        widest = max(figure.cell_len for figure in self._figures) + 1
        whole = Text(", ").join(self._figures).cell_len
        return Measurement(min(widest, whole), whole).with_maximum(options.max_width)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        line = Text()
        for number, figure in enumerate(self._figures, start=1):
            one = figure if number == len(self._figures) else figure + ","
            if line and line.cell_len + 1 + one.cell_len > options.max_width:
                yield line
                line = Text()
            line = line + " " + one if line else one
        yield line
