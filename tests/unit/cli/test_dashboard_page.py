"""The content of the dashboard's page for a stack, without a browser."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import EndpointConnectionError
from plotly.utils import PlotlyJSONEncoder

from cli.dashboard import read_recent_rates
from cli.dashboard.graphs import figure
from cli.dashboard.page import body
from cli.dashboard.server import app
from cli.deployment.client import DeploymentClient
from cli.deployment.target import Target
from cli.status.alarms import AlarmStatus
from cli.status.series import MeasuredSeries
from cli.status.snapshot import Snapshot, take_snapshot
from stresswatch.aws import stack_outputs
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


def test_alarms_of_a_new_stack_are_shown_as_having_no_data_yet():
    shown = page(alarm("OK"), alarm("INSUFFICIENT_DATA"))
    assert "No alarms are firing: 1 of 2 are OK; 1 have no data yet" in shown


@pytest.mark.parametrize("silent", [alarm("ALARM"), alarm("INSUFFICIENT_DATA", fell_silent=True)])
def test_an_alarm_whose_metric_fell_silent_counts_as_firing(silent):
    shown = page(alarm("OK"), silent)
    assert "1 of 2 alarms are firing" in shown
    assert "was not measured yet" not in shown


def test_panels_of_a_new_stack_say_not_measured_yet():
    assert page().count('"not measured yet"') > 10


@pytest.mark.parametrize(
    ("part", "claim"),
    [
        ("champion", "no champion yet"),
        ("retraining", "never ran"),
        ("metrics", "not measured yet"),
    ],
)
def test_an_unreadable_part_is_not_shown_as_empty(part, claim):
    assert claim in page()
    unread = Snapshot("dev", NOW, NOW - DAY, unreadable={part: "AccessDenied."})
    assert claim not in json.dumps(body(unread), cls=PlotlyJSONEncoder)


def test_a_restarted_local_stack_says_since_when_it_has_measured():
    started = f"{NOW - HOUR:%Y-%m-%d %H:%M} UTC"
    restarted = Snapshot("dev", NOW, NOW - DAY, started=NOW - HOUR)
    shown = json.dumps(body(restarted), cls=PlotlyJSONEncoder)
    assert f"not measured since the stack started at {started}" in shown
    assert f"none since the stack started at {started}" in shown
    later = replace(restarted, since=NOW - HOUR / 2)
    assert "the stack started" not in later.unmeasured


def stopped_stack(service):
    """Answer for every client as one of a stack that was stopped."""
    raise EndpointConnectionError(endpoint_url="http://127.0.0.1:9")


def test_the_page_of_a_stopped_stack_only_says_how_to_start_one():
    outputs = {stack_outputs.CHAMPION_PARAMETER: "/champion", stack_outputs.ARCHIVE_BUCKET: "a"}
    deployment = DeploymentClient(Target("dev", outputs, stopped_stack, is_local=True))
    page = app(
        lambda span: take_snapshot(deployment, "dev", span),
        lambda: read_recent_rates(deployment.target),
        HOUR,
    ).server.test_client()
    shown = update(page, ["header", "snapshot"], {"clock.n_intervals": 1, "span.value": "1 hour"})
    assert shown.count("does not answer") == 1
    assert "it was stopped. Start one with `stresswatch up`" in shown
    assert "yet" not in shown
    rates = update(page, ["rates"], {"rates-clock.n_intervals": 1})
    assert "Stress rate" not in rates


def update(page, outputs, inputs):
    """Return the answer to the browser's request for new contents."""
    named = [{"id": name, "property": "children"} for name in outputs]
    joined = "...".join(f"{name}.children" for name in outputs)
    answer = page.post(
        "/_dash-update-component",
        json={
            "output": f"..{joined}.." if len(outputs) > 1 else joined,
            "outputs": named if len(outputs) > 1 else named[0],
            "inputs": [
                {"id": name.split(".")[0], "property": name.split(".")[1], "value": value}
                for name, value in inputs.items()
            ],
            "changedPropIds": list(inputs)[:1],
        },
    )
    assert answer.status_code == 200
    return json.dumps(answer.get_json(), ensure_ascii=False)


def test_champion_changes_are_dotted_lines_labelled_once_where_close():
    changes = [
        Change(
            Pointer(f"v{hours}", f"s3://models/v{hours}", "0" * 64), NOW - hours * HOUR, "a", "b"
        )
        for hours in (20, 4, 3)
    ]
    drawn = figure(Snapshot("dev", NOW, NOW - DAY, changes=changes), PANELS[0])
    assert [one.text for one in drawn.layout.annotations] == ["new champion", "", "new champion"]
    for shape in drawn.layout.shapes:
        dot, gap = map(int, shape.line.dash.removesuffix("px").split("px,"))
        assert dot == shape.line.width < gap, "it is not dotted"


def test_more_lines_than_colours_still_differ():
    (panel,) = [panel for panel in PANELS if panel.title == "F1 by community"]
    lines = [
        MeasuredSeries(f"r{n}", is_count=False, times=(NOW,), values=(0.7,)) for n in range(20)
    ]
    drawn = figure(Snapshot("dev", NOW, NOW - DAY, measured={panel.title: lines}), panel)
    assert len({line.marker.color for line in drawn.data}) == len(lines)


def test_each_row_of_the_drift_panel_shows_its_value():
    (panel,) = [one for one in PANELS if one.title == "Drift by feature"]
    drifted = MeasuredSeries("sentiment", is_count=False, times=(NOW,), values=(1.0,))
    failed = MeasuredSeries("comparisons that failed", is_count=False, times=(NOW,), values=(0.0,))
    measured = {panel.title: (drifted, failed)}
    drawn = figure(Snapshot("dev", NOW, NOW - DAY, measured=measured), panel)
    assert {row.name: row.text for row in drawn.data} == {
        "sentiment": ("1",),
        "comparisons that failed": ("0",),
    }
