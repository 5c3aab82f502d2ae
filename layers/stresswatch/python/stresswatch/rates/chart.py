"""A chart of the rate as SVG: the corrected rate with its interval, and the called rate."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from html import escape
from itertools import pairwise

from stresswatch.rates.cells import Rate

_WIDTH, _HEIGHT = 480, 230
_NARROW = 360
"""Of an image, which stands beside others or on a phone."""
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 12, 26, 28
_STEP = 0.1
"""Between two lines of the axis."""
_DATE_WIDTH = 50
_LETTER_WIDTH = 7.5
"""Both of text in wide fonts, with some space around a date."""
_TICK = 8
"""Half of a called rate that has no neighbour."""
_NAMESPACE = "http://www.w3.org/2000/svg"

STYLE = (
    "svg{width:100%;height:auto;font:12px system-ui,sans-serif}"
    ".grid{stroke:#d5dae0}.band{fill:#0072b2;fill-opacity:.22}"
    ".corrected{fill:none;stroke:#0072b2;stroke-width:2.5}.dot{fill:#0072b2}"
    ".reach{stroke:#0072b2;stroke-opacity:.5;stroke-width:2}"
    ".called{fill:none;stroke:#b34700;stroke-width:1.2;stroke-dasharray:5 3}"
    ".change{stroke:#1f2933;stroke-dasharray:2 3}text{fill:#1f2933}"
)
LEGEND = (
    "Thick line and dots: the corrected rate. Band: its 95\N{NO-BREAK SPACE}% interval. Dashed "
    "line: the called rate, of the model alone. Dotted vertical line: a model version predicted "
    "for the first time."
)


def chart(rates: Sequence[Rate], title: str) -> str:
    """Draw the rates of one community and kind of period, in the order of time.

    Where a rate is missing, or a whole period, the line has a gap.
    """
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>{_Drawn(rates, _WIDTH).all()}</svg>"
    )


def image(rates: Sequence[Rate]) -> str:
    """Draw the same as a narrow image of its own, which the tag `img` shows."""
    return (
        f'<svg xmlns="{_NAMESPACE}" viewBox="0 0 {_NARROW} {_HEIGHT}" width="{_NARROW}" '
        f'height="{_HEIGHT}"><style>{STYLE}</style>{_Drawn(rates, _NARROW).all()}</svg>'
    )


class _Drawn:
    """Where things are on the chart."""

    def __init__(self, rates: Sequence[Rate], width: int):
        self._rates, self._width = rates, width
        self._first, self._last = rates[0].start, rates[-1].start
        shown = [
            value
            for rate in rates
            for value in (rate.called_rate, rate.low, rate.high)
            if value is not None
        ] or [0.0, 1.0]
        self._low = max(0, int(min(shown) / _STEP))
        self._high = max(self._low + 1, min(round(1 / _STEP), -int(-max(shown) // _STEP)))

    def all(self) -> str:
        return f"{self._axes()}{self._changes()}{self._called()}{self._corrected()}"

    def _axes(self) -> str:
        levels = [level * _STEP for level in range(self._low, self._high + 1)]
        lines = [
            f'<line class="grid" x1="{_LEFT}" x2="{self._width - _RIGHT}" y1="{y}" y2="{y}"/>'
            f'<text x="{_LEFT - 6}" y="{y + 4:g}" text-anchor="end">{100 * level:.0f} %</text>'
            for level, y in ((level, self._y(level)) for level in levels)
        ]
        dates, free = [], 0.0
        for start in (rate.start for rate in self._rates):
            if (x := self._x(start)) >= free:
                free = x + _DATE_WIDTH
                dates.append(
                    f'<text x="{x}" y="{_HEIGHT - 8}" text-anchor="middle">'
                    f"{start.day} {start:%b}</text>"
                )
        return "".join(lines + dates)

    def _changes(self) -> str:
        """Mark each version's first prediction, except at the chart's beginning.

        Each has its name above, or "new version" for a long one, as far as the next leaves room.
        """
        known = set(_versions(self._rates[0]))
        found = []
        for rate in self._rates[1:]:
            new = [version for version in _versions(rate) if version not in known]
            known |= {*new}
            if new and rate.start != self._first:
                found.append((self._x(rate.start), ", ".join(new)))
        marks, free = [], float(self._width)
        for x, name in reversed(found):
            marks.append(
                f'<line class="change" x1="{x}" x2="{x}" y1="{_TOP - 8}" '
                f'y2="{_HEIGHT - _BOTTOM}"><title>{escape(name)}</title></line>'
            )
            label = name if _LETTER_WIDTH * len(name) < self._width / 2 else "new version"
            width = _LETTER_WIDTH * len(label)
            begin = round(min(x - width / 2, self._width - width), 1)
            if 0 <= begin <= free - width:
                free = begin
                marks.append(f'<text x="{begin}" y="{_TOP - 12}">{escape(label)}</text>')
        return "".join(marks)

    def _called(self) -> str:
        parts = []
        for run in _runs(rate for rate in self._rates if rate.called_rate is not None):
            points = self._points(run, "called_rate")
            if len(run) == 1:
                x, y = map(float, points.split(","))
                points = f"{x - _TICK:g},{y} {x + _TICK:g},{y}"
            parts.append(f'<polyline class="called" points="{points}"/>')
        return "".join(parts)

    def _corrected(self) -> str:
        parts = []
        for run in _runs(rate for rate in self._rates if rate.estimate):
            band = f"{self._points(run, 'high')} {self._points(run[::-1], 'low')}"
            parts.append(f'<polygon class="band" points="{band}"/>')
            line = self._points(run, "corrected_rate")
            parts.append(f'<polyline class="corrected" points="{line}"/>')
            for rate in run:
                x, low, high, rate_y = (self._x(rate.start), *self._ys(rate))
                parts.append(
                    f'<line class="reach" x1="{x}" x2="{x}" y1="{low}" y2="{high}"/>'
                    f'<circle class="dot" cx="{x}" cy="{rate_y}" r="3"/>'
                )
        return "".join(parts)

    def _points(self, run: Iterable[Rate], value: str) -> str:
        return " ".join(f"{self._x(rate.start)},{self._y(getattr(rate, value))}" for rate in run)

    def _ys(self, rate: Rate) -> tuple[float, float, float]:
        values = rate.low, rate.high, rate.corrected_rate
        low, high, corrected = (self._y(value or 0.0) for value in values)
        return low, high, corrected

    def _x(self, start: date) -> float:
        days = (self._last - self._first).days
        place = (start - self._first).days / days if days else 0.5
        margin = 14  # for the dates at both ends
        return round(_LEFT + margin + place * (self._width - _LEFT - _RIGHT - 2 * margin), 1)

    def _y(self, value: float) -> float:
        place = (value / _STEP - self._low) / (self._high - self._low)
        return round(_HEIGHT - _BOTTOM - place * (_HEIGHT - _TOP - _BOTTOM), 1)


def _runs(rates: Iterable[Rate]) -> list[list[Rate]]:
    """Cut rates where a period between two of them is missing."""
    found = list(rates)
    runs = [found[:1]] if found else []
    for before, rate in pairwise(found):
        if rate.start - before.start > timedelta(days=rate.period.days):
            runs.append([])
        runs[-1].append(rate)
    return runs


def _versions(rate: Rate) -> list[str]:
    return rate.model_versions.split(",") if rate.model_versions else []
