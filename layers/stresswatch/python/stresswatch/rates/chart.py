"""A chart of the stress rate as SVG: the corrected rate in its interval, and the called rate."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from html import escape
from itertools import pairwise

from stresswatch.rates.cells import Rate

_WIDTH, _HEIGHT = 480, 230
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 12, 26, 28
_STEP = 0.1
"""Between two lines of the axis."""
_DATES = 6
"""Written below the axis, at most."""

STYLE = (
    "svg{width:100%;height:auto;font:12px system-ui,sans-serif}"
    ".grid{stroke:#d5dae0}.band{fill:#0072b2;fill-opacity:.22}"
    ".corrected{fill:none;stroke:#0072b2;stroke-width:2.5}.dot{fill:#0072b2}"
    ".reach{stroke:#0072b2;stroke-opacity:.5;stroke-width:2}"
    ".called{fill:none;stroke:#b34700;stroke-width:1.2;stroke-dasharray:5 3}"
    ".change{stroke:#1f2933;stroke-dasharray:2 3}text{fill:#1f2933}"
)
LEGEND = (
    "Thick line and dots: the corrected rate. Band: its 95 % interval. Dashed line: the called "
    "rate, of the model alone. Dotted vertical line: a model version predicted for the first time."
)


def chart(rates: Sequence[Rate], title: str) -> str:
    """Draw the rates of one community and kind of period, in the order of time.

    Where a rate is missing, or a whole period, the line has a gap.
    """
    drawn = _Drawn(rates)
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>{drawn.axes()}{drawn.changes()}"
        f"{drawn.called()}{drawn.corrected()}</svg>"
    )


class _Drawn:
    """Where things are on the chart."""

    def __init__(self, rates: Sequence[Rate]):
        self._rates = rates
        self._first, self._last = rates[0].start, rates[-1].start
        shown = [
            value
            for rate in rates
            for value in (rate.called_rate, rate.low, rate.high)
            if value is not None
        ] or [0.0, 1.0]
        self._low = max(0, int(min(shown) / _STEP))
        self._high = max(self._low + 1, min(round(1 / _STEP), -int(-max(shown) // _STEP)))

    def axes(self) -> str:
        levels = [level * _STEP for level in range(self._low, self._high + 1)]
        lines = [
            f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>'
            f'<text x="{_LEFT - 6}" y="{y + 4:g}" text-anchor="end">{100 * level:.0f} %</text>'
            for level, y in ((level, self._y(level)) for level in levels)
        ]
        starts = [rate.start for rate in self._rates]
        every = -(-len(starts) // _DATES)
        dates = [
            f'<text x="{self._x(start)}" y="{_HEIGHT - 8}" text-anchor="middle">'
            f"{start.day} {start:%b}</text>"
            for start in starts[::every]
        ]
        return "".join(lines + dates)

    def changes(self) -> str:
        """Mark where a version predicted for the first time, but for the first ones."""
        known = set(_versions(self._rates[0]))
        marks = []
        for rate in self._rates[1:]:
            new = [version for version in _versions(rate) if version not in known]
            known |= {*new}
            if new and rate.start != self._first:
                x, name = self._x(rate.start), escape(", ".join(new))
                marks.append(
                    f'<line class="change" x1="{x}" x2="{x}" y1="{_TOP - 8}" '
                    f'y2="{_HEIGHT - _BOTTOM}"/>'
                    f'<text x="{x}" y="{_TOP - 12}" text-anchor="middle">{name}</text>'
                )
        return "".join(marks)

    def called(self) -> str:
        return "".join(
            f'<polyline class="called" points="{self._points(run, "called_rate")}"/>'
            for run in _runs(rate for rate in self._rates if rate.called_rate is not None)
        )

    def corrected(self) -> str:
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
        return round(_LEFT + margin + place * (_WIDTH - _LEFT - _RIGHT - 2 * margin), 1)

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
