"""The page for a snapshot: first alarms, then current values, then their history."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dash import html

from cli.dashboard.graphs import graph
from cli.errors import LocalStackStopped
from cli.program import as_called
from cli.status.alarms import AlarmStatus
from cli.status.snapshot import Snapshot
from cli.status.table import number, timestamp
from stresswatch.monitoring.dashboard import RATE, SECTIONS
from stresswatch.task.definition import TASK

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
                        [graph(snapshot, panel) for panel in section.panels], className="panels"
                    ),
                    *([_runs(snapshot)] if section.title.startswith("Versions") else []),
                ]
            )
            for section in SECTIONS
            if section is not RATE  # `cli.dashboard.rates` draws it from the table
        ),
        html.Footer(TASK.wording.notice),
    ]


def stopped(error: LocalStackStopped) -> list[Any]:
    """Return the only section of the page when the local stack does not answer."""
    return [html.P(as_called(str(error)), className="verdict bad", id="stopped")]


def _verdict(alarms: Sequence[AlarmStatus], *, is_known: bool) -> html.Section:
    firing = [alarm for alarm in alarms if alarm.fires]
    new = [alarm for alarm in alarms if alarm.is_new]
    if not is_known:
        return html.Section(html.H2("The state of the alarms is unknown"), className="verdict bad")
    if not firing:
        well = len(alarms) - len(new)
        told = f"No alarms are firing: {well} of {len(alarms)} are OK"
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
    return f"⚠ {firing} of {alarms} alarms are firing"


def _nothing_yet() -> html.Section:
    return html.Section(
        [
            html.H2("Nothing has been measured yet"),
            html.P(
                [
                    "Send posts with ",
                    html.Code(as_called("stresswatch produce stream.jsonl")),
                    "; without a champion, ",
                    html.Code(as_called("stresswatch seed train.jsonl")),
                    " and ",
                    html.Code(as_called("stresswatch retrain")),
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
    return [
        html.P(as_called(said), className="verdict bad") for said in (*notices, *snapshot.notices)
    ]


def _versions(snapshot: Snapshot) -> html.Div:
    if "champion" in snapshot.unreadable:
        return _tile("unknown", "champion", "tile wide")
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


def _runs(snapshot: Snapshot) -> html.Table:
    rows = [
        html.Tr(
            [
                html.Td(timestamp(run.started)),
                html.Td(run.status.lower()),
                html.Td(as_called(run.summary)),
            ]
        )
        for run in snapshot.runs
    ]
    none = "Unknown" if "retraining" in snapshot.unreadable else snapshot.no_runs
    return html.Table(
        [
            html.Caption("The last retrainings"),
            html.Tbody(rows or [html.Tr(html.Td(none))]),
        ],
        id="runs",
    )
