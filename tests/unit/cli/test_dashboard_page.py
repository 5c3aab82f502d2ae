"""The content of the dashboard's page for a stack, without a browser."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from plotly.utils import PlotlyJSONEncoder

from cli.dashboard.graphs import figure
from cli.dashboard.page import body
from cli.status.alarms import AlarmStatus
from cli.status.snapshot import MeasuredSeries, Snapshot
from stresswatch.monitoring.dashboard import PANELS
from stresswatch.versions.champion import Change, Pointer

NOW = datetime.now(UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def alarm(state, *, fell_silent=False):
    meaning, runbook = "The stream is silent.", "docs/runbooks/silent-stream.md"
    return AlarmStatus("silent", state, NOW, meaning, runbook, "IncomingRecords", 1, fell_silent)


def page(*alarms):
    """The page of a stack without measurements, as the browser receives it."""
    return json.dumps(body(Snapshot("dev", NOW, NOW - DAY, alarms=alarms)), cls=PlotlyJSONEncoder)


def test_what_alarms_of_a_new_stack_watch_was_not_measured_yet():
    shown = page(alarm("OK"), alarm("INSUFFICIENT_DATA"))
    assert "No alarm fires: 1 of 2 are OK; 1 have no data yet" in shown


@pytest.mark.parametrize("silent", [alarm("ALARM"), alarm("INSUFFICIENT_DATA", fell_silent=True)])
def test_an_alarm_fires_once_what_it_watches_fell_silent(silent):
    shown = page(alarm("OK"), silent)
    assert "1 of 2 alarms fire" in shown
    assert "was not measured yet" not in shown


def test_panels_of_a_new_stack_say_that_nothing_was_measured_yet():
    assert page().count('"not measured yet"') > 10


def test_champions_close_in_time_are_named_once():
    changes = [
        Change(
            Pointer(f"v{hours}", f"s3://models/v{hours}", "0" * 64), NOW - hours * HOUR, "a", "b"
        )
        for hours in (20, 4, 3)
    ]
    drawn = figure(Snapshot("dev", NOW, NOW - DAY, changes=changes), PANELS[0])
    assert [one.text for one in drawn.layout.annotations] == ["new champion", "", "new champion"]


def test_a_row_of_drift_shows_its_value_as_a_number():
    (panel,) = [one for one in PANELS if one.title == "Drift by feature"]
    drifted = MeasuredSeries("sentiment", is_count=False, times=(NOW,), values=(1.0,))
    failed = MeasuredSeries("comparisons that failed", is_count=False, times=(NOW,), values=(0.0,))
    measured = {panel.title: (drifted, failed)}
    drawn = figure(Snapshot("dev", NOW, NOW - DAY, measured=measured), panel)
    assert {row.name: row.text for row in drawn.data} == {
        "sentiment": ("1",),
        "comparisons that failed": ("0",),
    }
