"""A panel of the page: its graph, with a legend that wraps below it at any width."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import plotly.graph_objects as go
from dash import dcc, html
from plotly.colors import hex_to_rgb

from cli.status.series import MeasuredSeries
from cli.status.snapshot import Snapshot
from stresswatch.monitoring.panels import COLOURS, Panel

_INK, _GRID = "#1f2933", "#e4e7eb"
_LOUD = "#d55e00"
_DAY = timedelta(hours=24)
_HEIGHT = 200


def graph(snapshot: Snapshot, panel: Panel) -> html.Figure:
    """Return a panel with its title, meaning, graph and legend."""
    caption = html.Figcaption(
        [html.H3([panel.title, html.Small(panel.unit)]), html.P(panel.meaning)]
    )
    lines = _with_values(snapshot, panel)
    if not lines:
        return html.Figure([caption, html.P(snapshot.unmeasured, className="none")])
    drawn = figure(snapshot, panel)
    has_legend = len(lines) > 1 or panel.series[0].is_open
    shown = dcc.Graph(
        figure=drawn,
        config={"displayModeBar": False, "responsive": True},
        style={"height": _HEIGHT},
    )
    names = [_legend(drawn)] if has_legend and not _is_heat(panel, lines) else []
    return html.Figure([caption, shown, *names])


def _legend(drawn: go.Figure) -> html.Ul:
    """Name each line, below the graph: plotly's own legend covers the axis of a narrow graph."""
    return html.Ul(
        [
            html.Li([html.I(style={"background": line.marker.color}), line.name])
            for line in drawn.data
        ],
        className="legend",
    )


def figure(snapshot: Snapshot, panel: Panel) -> go.Figure:
    """Draw a panel as lines or stacked counts, with the alarm's threshold and the champions."""
    lines = _with_values(snapshot, panel)
    drawn = go.Figure()
    is_heat = _is_heat(panel, lines)
    if is_heat:
        _draw_heat(drawn, snapshot.measured.get(panel.title, ()))
    elif panel.is_stacked:
        _draw_bars(drawn, lines)
    else:
        _draw_lines(drawn, snapshot.measured.get(panel.title, ()))
    threshold = snapshot.threshold(panel)
    if threshold is not None:
        drawn.add_hline(
            y=threshold,
            line={"dash": "dash", "width": 1, "color": _INK},
            annotation_text="alarm",
            annotation_position="top left",
        )
    _mark_champions(drawn, snapshot)
    drawn.update_layout(
        template="plotly_white",
        height=_HEIGHT,
        margin={"l": 50, "r": 10, "t": 18, "b": 24},
        font={"family": "system-ui, sans-serif", "size": 12, "color": _INK},
        showlegend=False,
        hovermode="closest" if is_heat else "x unified",
        barmode="stack",
        xaxis={
            "type": "date",
            "range": [snapshot.since, snapshot.at],
            "gridcolor": _GRID,
            "tickformat": "%H:%M" if snapshot.at - snapshot.since <= _DAY else "%d %b",
        },
        yaxis={"gridcolor": _GRID, "automargin": True} | _vertical(panel, is_heat=is_heat),
    )
    return drawn


def _with_values(snapshot: Snapshot, panel: Panel) -> list[MeasuredSeries]:
    return [line for line in snapshot.measured.get(panel.title, ()) if line.values]


def _is_heat(panel: Panel, lines: Sequence[MeasuredSeries]) -> bool:
    """Return whether the panel has a row of markers for each series, named at the axis."""
    return panel.is_stacked and not any(line.is_count for line in lines)


def _mark_champions(drawn: go.Figure, snapshot: Snapshot) -> None:
    """Draw a line where a new champion came, named where there is room."""
    room = (snapshot.at - snapshot.since) / 4
    next_at: datetime | None = None
    for change in reversed([each for each in snapshot.changes if each.at >= snapshot.since]):
        drawn.add_vline(
            x=change.at.timestamp() * 1000,
            line={"dash": "2px,3px", "width": 2, "color": _INK},
            annotation={
                "text": "new champion" if not next_at or next_at - change.at > room else "",
                "hovertext": f"{change.pointer.version}: {change.because}",
                "font": {"size": 10}, "yref": "paper", "y": 1, "yanchor": "bottom",
                "xanchor": "right" if snapshot.at - change.at < room / 2 else "center",
            },
        )  # fmt: skip
        next_at = change.at


def _vertical(panel: Panel, *, is_heat: bool) -> dict[str, Any]:
    """Label the categories; start counts and times at 0, and shares at the first difference."""
    if is_heat:
        return {"dtick": 1, "tickfont": {"size": 10}}
    return {} if panel.unit == "share" else {"rangemode": "tozero"}


def _draw_lines(drawn: go.Figure, lines: Sequence[MeasuredSeries]) -> None:
    """Draw each series with values, in its usual colour."""
    for place, line in enumerate(lines):
        if line.values:
            colour = _colour(place)
            drawn.add_scatter(
                x=line.times,
                y=line.values,
                name=line.label,
                mode="lines+markers",
                line={"color": colour, "width": 2},
                marker={"size": 5, "color": colour},
            )


def _colour(place: int) -> str:
    """Return a line's colour by its place; lines beyond the list have paler ones."""
    cycle, number = divmod(place, len(COLOURS))
    return f"rgba{(*hex_to_rgb(COLOURS[number]), 0.5**cycle)}"


def _draw_bars(drawn: go.Figure, lines: Sequence[MeasuredSeries]) -> None:
    for place, line in enumerate(lines):
        drawn.add_bar(
            x=line.times,
            y=line.values,
            name=line.label,
            marker={"color": _colour(place), "line": {"width": 0}},
        )


def _draw_heat(drawn: go.Figure, lines: Sequence[MeasuredSeries]) -> None:
    """Draw one line per row, with a marker per measurement: filled if it is not 0."""
    for line in reversed(lines):
        drawn.add_scatter(
            x=line.times,
            y=[line.label] * len(line.times),
            name=line.label,
            mode="markers",
            marker={
                "symbol": ["square" if value else "square-open" for value in line.values],
                "color": [_LOUD if value else "#9aa5b1" for value in line.values],
                "size": 9,
            },
            text=[f"{value:g}" for value in line.values],
            hovertemplate="%{y}, %{x}: %{text}<extra></extra>",
        )
