"""The dashboard and the file for Grafana show metrics and alarms that exist."""

import json
import re
import subprocess
import sys

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from cdk_app.settings.stages import STAGES
from grafana import dashboard as grafana
from stresswatch.monitoring import metric_names
from stresswatch.monitoring.dashboard import MEMORY_MB, PANELS, RATE, SECTIONS
from stresswatch.monitoring.panels import NAMESPACE
from tests.conftest import PROJECT

OF_AWS = {
    "AWS/Kinesis": {"IncomingBytes", "IncomingRecords"},
    "AWS/Lambda": {"Duration", "Errors", "Invocations", "IteratorAge", "Throttles"},
    "AWS/SQS": {"ApproximateNumberOfMessagesVisible"},
    "AWS/States": {
        "ExecutionsAborted",
        "ExecutionsFailed",
        "ExecutionsSucceeded",
        "ExecutionsTimedOut",
    },
}
"""Metrics that the dashboard draws, as each service's documentation names them."""


def widgets(template):
    """The dashboard's widgets; values known only to a deployment read as references, in JSON."""
    body = template.one("AWS::CloudWatch::Dashboard", "Dashboard")["DashboardBody"]
    parts = body["Fn::Join"][1]
    text = "".join(
        part if isinstance(part, str) else json.dumps(json.dumps(part))[1:-1] for part in parts
    )
    return json.loads(text)["widgets"]


def graphs(template):
    return {
        widget["properties"]["title"]: widget["properties"]
        for widget in widgets(template)
        if widget["type"] == "metric"
    }


def test_every_panel_is_on_the_dashboard_below_its_section(template):
    assert list(graphs(template)) == [panel.title for panel in PANELS]
    headers = [one["properties"]["markdown"] for one in widgets(template) if one["type"] == "text"]
    assert [header.strip("# ") for header in headers] == [section.title for section in SECTIONS]


def test_the_stress_rate_is_the_first_section_of_both_dashboards(template):
    headers = [one["properties"]["markdown"] for one in widgets(template) if one["type"] == "text"]
    rows = [panel["title"] for panel in grafana.dashboard()["panels"] if panel["type"] == "row"]
    assert headers[0].strip("# ") == rows[0] == RATE.title


def test_grafana_draws_intervals_as_bands_and_missing_days_as_gaps():
    drawn = {one["title"]: one for one in grafana.dashboard()["panels"] if one["type"] != "row"}
    for title, bounds in (
        (RATE.panels[0].title, ("lower bound", "upper bound")),
        ("Live quality", ("F1 lower bound", "F1 upper bound")),
    ):
        overrides = {
            one["matcher"]["options"]: {each["id"]: each["value"] for each in one["properties"]}
            for one in drawn[title]["fieldConfig"]["overrides"]
        }
        assert overrides[bounds[1]]["custom.fillBelowTo"] == bounds[0]
        assert {overrides[bound]["custom.lineWidth"] for bound in bounds} == {0}
        custom = drawn[title]["fieldConfig"]["defaults"]["custom"]
        assert (custom["spanNulls"], custom["insertNulls"]) == (False, 1.5 * 24 * 3_600_000)
    assert "insertNulls" not in drawn["Drift"]["fieldConfig"]["defaults"]["custom"]


def test_alarm_states_are_at_the_top_of_the_dashboard(template):
    (shown,) = [widget for widget in widgets(template) if widget["type"] == "alarm"]
    names = {json.loads(arn)["Fn::GetAtt"][0] for arn in shown["properties"]["alarms"]}
    lasting = {
        name
        for name, alarm in template.resources("AWS::CloudWatch::Alarm").items()
        if "AlarmName" not in alarm["Properties"]  # those of one version have one
    }
    assert names == lasting
    assert shown["y"] == 0
    assert "grey: not measured yet" in shown["properties"]["title"], "CloudWatch says no word of it"


def test_a_graph_draws_every_line_of_its_panel(template):
    drawn = graphs(template)
    for panel in PANELS:
        metrics = json.dumps(drawn[panel.title]["metrics"])
        for series in panel.series:
            assert series.metric in metrics
            assert json.dumps(series.title) in metrics


def test_alarm_thresholds_are_drawn_in_the_panels_unit(template, production):
    for stage, synthesized in ((STAGES["dev"], template), (STAGES["prod"], production)):
        drawn = {
            title: line["value"]
            for title, graph in graphs(synthesized).items()
            for line in graph.get("annotations", {}).get("horizontal", [])
        }
        assert drawn == {
            "Stream latency": stage.monitoring.iterator_age_alarm_seconds,
            "Drift": stage.monitoring.drift_share_threshold,
            "Live quality": stage.monitoring.accepted_f1,
        }


def test_the_version_graph_searches_for_model_versions(template):
    ((search,),) = graphs(template)["Posts scored, by version"]["metrics"]
    assert search["expression"] == (
        "SEARCH('{Stresswatch,Stage,service,Role,ModelVersion} "
        'MetricName="PostsScored" Stage="dev" service="predictor"\', \'Sum\', 300)'
    )
    assert search["label"] == "${PROP('Dim.Role')} ${PROP('Dim.ModelVersion')}"


def test_resource_metrics_refer_to_the_stacks_resources(template):
    for series in (series for panel in PANELS for series in panel.series):
        if series.namespace == NAMESPACE:
            continue
        (output,) = re.findall(r"{(\w+)}", json.dumps(dict(series.dimensions)))
        value = template.body["Outputs"][output]["Value"]
        resource = value.get("Ref") or value["Fn::GetAtt"][0]
        assert resource in template.body["Resources"]


@pytest.mark.parametrize(
    "series",
    {(one.namespace, one.metric): one for panel in PANELS for one in panel.series}.values(),
    ids=lambda series: series.metric,
)
def test_every_metric_on_a_panel_is_published(series):
    if series.namespace in OF_AWS:
        assert series.metric in OF_AWS[series.namespace]
    else:
        code = "".join(path.read_text() for path in (PROJECT / "lambdas").glob("*/handler.py"))
        (name,) = (name for name, value in vars(metric_names).items() if value == series.metric)
        assert re.search(rf"metric_names\.{name}\b", code)


def test_the_page_on_monitoring_has_a_row_for_each_panel():
    page = (PROJECT / "docs" / "monitoring.md").read_text()
    for panel in PANELS:
        metrics = ", ".join(dict.fromkeys(f"`{series.metric}`" for series in panel.series))
        assert f"| {panel.title} | {panel.unit} | {panel.meaning} | {metrics} |" in page


def test_every_published_metric_is_on_a_panel_or_in_an_alarm():
    """Each costs money for every hour in which it is published."""
    shown = {series.metric for panel in PANELS for series in panel.series}
    constructs = "".join(path.read_text() for path in (PROJECT / "cdk_app").rglob("*.py"))
    unseen = {
        name
        for name, value in vars(metric_names).items()
        if name.isupper() and value not in shown and f"metric_names.{name}" not in constructs
    }
    assert unseen == set()


def test_billed_gb_seconds_use_the_functions_memory(template):
    for output, memory in MEMORY_MB.values():
        resource = template.body["Outputs"][output]["Value"]["Ref"]
        assert template.body["Resources"][resource]["Properties"]["MemorySize"] == memory


@pytest.mark.parametrize("stage", STAGES.values(), ids=lambda stage: stage.name)
def test_graph_periods_are_at_least_the_measurement_interval(stage):
    minutes = {panel.title: panel.minutes for panel in PANELS}
    assert minutes["Drift"] >= stage.monitoring.window_minutes
    assert minutes["Live quality"] >= stage.monitoring.quality_every_hours * 60


def test_the_grafana_file_is_up_to_date():
    written = subprocess.run(
        [sys.executable, "-m", "grafana.dashboard"], cwd=PROJECT, capture_output=True, check=True
    ).stdout
    assert written == (PROJECT / "grafana" / "dashboards" / "stresswatch.json").read_bytes(), (
        "write it anew: python -m grafana.dashboard > grafana/dashboards/stresswatch.json"
    )


def test_grafana_draws_every_line_of_every_panel():
    drawn = {one["title"]: one for one in grafana.dashboard()["panels"] if one["type"] != "row"}
    assert list(drawn) == [panel.title for panel in PANELS]
    for panel in PANELS:
        shown = [target for target in drawn[panel.title]["targets"] if not target.get("hide")]
        assert [target["label"] for target in shown] == [one.title for one in panel.series]
        references = [target["refId"] for target in drawn[panel.title]["targets"]]
        assert len(references) == len(set(references))


def test_a_grafana_panel_without_data_says_not_measured_yet():
    panels = [one for one in grafana.dashboard()["panels"] if one["type"] != "row"]
    said = {one["fieldConfig"]["defaults"]["noValue"] for one in panels}
    assert said == {"not measured yet"}


def read_by_grafanas_types(dashboard):
    """Return a dashboard as Grafana Labs' types read and write it; they drop unknown fields."""
    register_default_plugins()
    return json.loads(JSONEncoder().encode(Dashboard.from_json(dashboard)))


def not_kept(written, read, path=""):
    """Return the paths of values that differ or are missing after reading."""
    if isinstance(written, dict) and isinstance(read, dict):
        inner = ((name, value, read.get(name)) for name, value in written.items())
    elif isinstance(written, list) and isinstance(read, list) and len(written) == len(read):
        inner = ((number, *both) for number, both in enumerate(zip(written, read, strict=True)))
    else:
        return [] if written == read else [path]
    return [one for name, *both in inner for one in not_kept(*both, f"{path}/{name}")]


def test_grafanas_own_types_keep_every_field_of_the_dashboard():
    assert not_kept(grafana.dashboard(), read_by_grafanas_types(grafana.dashboard())) == []


def test_grafanas_own_types_drop_a_misspelt_field():
    written = grafana.dashboard()
    panel = next(one for one in written["panels"] if one["type"] == "timeseries")
    panel["fieldConfig"]["defaults"]["custom"]["spanNull"] = True
    panel["targets"][0]["metric"] = "F1"
    assert not_kept(written, read_by_grafanas_types(written)) == [
        "/panels/1/fieldConfig/defaults/custom/spanNull",
        "/panels/1/targets/0/metric",
    ]


def test_grafana_panels_use_only_defined_variables():
    text = json.dumps(grafana.dashboard()["panels"])
    given = {variable["name"] for variable in grafana.dashboard()["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)", text)) - {"PROP"}
    assert used <= given


def test_grafana_finds_resources_by_their_generated_names(template):
    patterns = {
        variable["name"]: variable["regex"]
        for variable in grafana.dashboard()["templating"]["list"]
        if "regex" in variable
    }
    assert set(patterns) == set(grafana.LOGICAL_IDS)
    for output, pattern in patterns.items():
        value = template.body["Outputs"][output]["Value"]
        logical = value.get("Ref") or value["Fn::GetAtt"][0]
        properties = template.body["Resources"][logical]["Properties"]
        name = properties.get("StateMachineName") or f"stresswatch-dev-{logical}"
        others = [
            f"stresswatch-dev-{other}"
            for other, resource in template.body["Resources"].items()
            if resource["Type"] == template.body["Resources"][logical]["Type"] and other != logical
        ]
        expression = re.compile(pattern.strip("/").replace("$stage", "dev"))
        assert expression.search(name)
        assert not any(map(expression.search, others))
