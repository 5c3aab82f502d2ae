"""The page for a snapshot: first alarms, then current values, then their history."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import plotly.graph_objects as go
from dash import dcc, html

from cli.status.alarms import AlarmStatus
from cli.status.snapshot import MeasuredSeries, Snapshot
from cli.status.table import number, timestamp
from stresswatch.monitoring.dashboard import RATE, SECTIONS
from stresswatch.monitoring.panels import COLOURS, Panel
from stresswatch.task.definition import TASK

_INK, _GRID = "#1f2933", "#e4e7eb"
_LOUD = "#d55e00"
_DAY = timedelta(hours=24)
_HEIGHT = 220
TILES = (
    # A panel, one of its series, and the tile's caption.
    ("Posts in, predictions out", "predicted", "posts predicted"),
    ("Posts in, predictions out", "in quarantine", "in quarantine"),
    ("Stream latency", "longest", "seconds of stream latency"),
    ("Batch latency", "p50", "seconds per batch (p50)"),
    ("Drift", "drifted features", "of the features drifted"),
    ("Live quality", "F1", "live F1"),
)


def header(snapshot: Snapshot) -> list[Any]:
    """Return the top of the page, with a link to firing alarms."""
    firing = sum(alarm.fires for alarm in snapshot.alarms)
    return [
        html.H1(snapshot.name),
        *([html.A(_firing(firing, len(snapshot.alarms)), href="#verdict")] if firing else []),
        html.P(f"Read at {snapshot.at:%Y-%m-%d %H:%M:%S} UTC", className="quiet"),
    ]


def body(snapshot: Snapshot) -> list[Any]:
    """Return the sections below the rate."""
    return [
        *_notices(snapshot),
        _verdict(snapshot.alarms, is_known="alarms" not in snapshot.unreadable),
        *([_nothing_yet()] if snapshot.is_empty and "metrics" not in snapshot.unreadable else []),
        html.Section([_versions(snapshot), *_tiles(snapshot)], className="tiles"),
        *(
            html.Section(
                [
                    html.H2(section.title),
                    html.Div(
                        [_graph(snapshot, panel) for panel in section.panels], className="panels"
                    ),
                    *([_runs(snapshot)] if section.title.startswith("Versions") else []),
                ]
            )
            for section in SECTIONS
            if section is not RATE  # `cli.dashboard.rates` draws it from the table
        ),
        html.Footer(TASK.wording.notice),
    ]


def figure(snapshot: Snapshot, panel: Panel) -> go.Figure:
    """Draw a panel as lines or stacked counts, with the alarm's threshold and the champions."""
    lines = [line for line in snapshot.measured.get(panel.title, ()) if line.values]
    drawn = go.Figure()
    is_heat = panel.is_stacked and not any(line.is_count for line in lines)
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
        legend={"orientation": "h", "y": -0.14, "yanchor": "top", "traceorder": "normal"},
        showlegend=not is_heat and (len(lines) > 1 or panel.series[0].is_open),
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


def _mark_champions(drawn: go.Figure, snapshot: Snapshot) -> None:
    """Draw a line where a new champion came, named where there is room."""
    room = (snapshot.at - snapshot.since) / 4
    next_at: datetime | None = None
    for change in reversed([each for each in snapshot.changes if each.at >= snapshot.since]):
        drawn.add_vline(
            x=change.at.timestamp() * 1000,
            line={"dash": "dot", "width": 1, "color": _INK},
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
    for line, colour in zip(lines, itertools.cycle(COLOURS), strict=False):
        if line.values:
            drawn.add_scatter(
                x=line.times,
                y=line.values,
                name=line.label,
                mode="lines+markers",
                line={"color": colour, "width": 2},
                marker={"size": 5},
            )


def _draw_bars(drawn: go.Figure, lines: Sequence[MeasuredSeries]) -> None:
    for place, line in enumerate(lines):
        drawn.add_bar(
            x=line.times,
            y=line.values,
            name=line.label,
            marker={"color": COLOURS[place % len(COLOURS)], "line": {"width": 0}},
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
            text=["drifted" if value else "did not drift" for value in line.values],
            hovertemplate="%{y}, %{x}: %{text}<extra></extra>",
        )


def _verdict(alarms: Sequence[AlarmStatus], *, is_known: bool) -> html.Section:
    firing = [alarm for alarm in alarms if alarm.fires]
    new = [alarm for alarm in alarms if alarm.is_new]
    if not is_known:
        return html.Section(html.H2("The state of the alarms is unknown"), className="verdict bad")
    if not firing:
        well = len(alarms) - len(new)
        told = f"No alarm fires: {well} of {len(alarms)} are OK"
        rest = f"; {len(new)} have no data yet" if new else ""
        return html.Section(html.H2(f"✓ {told}{rest}"), className="verdict good", id="verdict")
    return html.Section(
        [
            html.H2(_firing(len(firing), len(alarms))),
            html.Ul(
                [
                    html.Li(
                        [
                            html.Strong(alarm.meaning or alarm.name),
                            html.Br(),
                            html.Span(
                                f"since {timestamp(alarm.since)}; runbook: {alarm.runbook}",
                                className="quiet",
                            ),
                        ]
                    )
                    for alarm in firing
                ]
            ),
        ],
        className="verdict bad",
        id="verdict",
    )


def _firing(firing: int, alarms: int) -> str:
    return f"⚠ {firing} of {alarms} alarms fire"


def _nothing_yet() -> html.Section:
    return html.Section(
        [
            html.H2("Nothing was measured yet"),
            html.P(
                [
                    "Send posts with ",
                    html.Code("stresswatch produce --local stream.jsonl"),
                    "; without a champion, ",
                    html.Code("stresswatch seed"),
                    " and ",
                    html.Code("stresswatch retrain"),
                    " come first. This page refreshes by itself.",
                ]
            ),
        ],
        className="verdict",
        id="nothing-yet",
    )


def _notices(snapshot: Snapshot) -> list[Any]:
    unreadable = snapshot.unreadable.items()
    notices = [f"Could not read {name}: {why}" for name, why in unreadable]
    return [html.P(said, className="verdict bad") for said in (*notices, *snapshot.notices)]


def _versions(snapshot: Snapshot) -> html.Div:
    since = (
        f"champion since {timestamp(snapshot.changes[-1].at)}"
        if snapshot.champion
        else "no champion yet"
    )
    shadow = f"; {snapshot.challenger.pointer.version} shadows it" if snapshot.challenger else ""
    return _tile(snapshot.champion or "none yet", since + shadow, "tile wide")


def _tiles(snapshot: Snapshot) -> list[html.Div]:
    figures = {
        (title, line.label): line.figure
        for title, lines in snapshot.measured.items()
        for line in lines
    }
    return [
        _tile(snapshot.unmeasured, says, "tile unmeasured")
        if figure is None
        else _tile(number(figure), says)
        for figure, says in ((figures.get((title, label)), says) for title, label, says in TILES)
    ]


def _tile(value: str, says: str, kind: str = "tile") -> html.Div:
    return html.Div([html.B(value), html.Span(says)], className=kind)


def _graph(snapshot: Snapshot, panel: Panel) -> html.Figure:
    lines = [line for line in snapshot.measured.get(panel.title, ()) if line.values]
    graph = dcc.Graph(
        figure=figure(snapshot, panel),
        config={"displayModeBar": False, "responsive": True},
        style={"height": _HEIGHT},
    )
    return html.Figure(
        [
            html.Figcaption(
                [html.H3([panel.title, html.Small(panel.unit)]), html.P(panel.meaning)]
            ),
            graph if lines else html.P(snapshot.unmeasured, className="none"),
        ]
    )


def _runs(snapshot: Snapshot) -> html.Table:
    rows = [
        html.Tr(
            [html.Td(timestamp(run.started)), html.Td(run.status.lower()), html.Td(run.summary)]
        )
        for run in snapshot.runs
    ]
    return html.Table(
        [
            html.Caption("The last retrainings"),
            html.Tbody(rows or [html.Tr(html.Td("No retraining ran yet."))]),
        ],
        id="runs",
    )
