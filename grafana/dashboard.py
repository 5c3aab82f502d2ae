"""The panels as a Grafana dashboard, for its CloudWatch data source.

``python -m grafana.dashboard`` prints ``grafana/dashboards/stresswatch.json``. One file serves
every stage: you select the stage on the page, and variables find the deployed resources' names.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from string import Formatter
from typing import Any

from stresswatch.aws import stack_outputs
from stresswatch.monitoring import dimension_names
from stresswatch.monitoring.dashboard import PANELS, SECTIONS
from stresswatch.monitoring.panels import COLOURS, Panel, Series

_SOURCE = {"type": "cloudwatch", "uid": "${source}"}
_REGION = "$region"
LOGICAL_IDS = {
    stack_outputs.POSTS_STREAM: "StreamsPosts",
    stack_outputs.PREDICTIONS_STREAM: "StreamsPredictions",
    stack_outputs.PREDICTOR_FUNCTION: "PredictionPredictorFunction",
    stack_outputs.DRIFT_FUNCTION: "DriftDriftFunction",
    stack_outputs.QUALITY_FUNCTION: "QualityQualityFunction",
    stack_outputs.RATE_FUNCTION: "RateRateFunction",
    stack_outputs.PLAN_FUNCTION: "MonitoringPlanFunction",
    stack_outputs.SETTLE_FUNCTION: "MonitoringSettleFunction",
    stack_outputs.FAILED_BATCHES_QUEUE: "ObservabilityFailedBatchesQueue",
    stack_outputs.DEAD_LETTERS_QUEUE: "DeadLettersQueue",
    stack_outputs.RETRAINING_STATE_MACHINE: "retraining",
    stack_outputs.MONITORING_STATE_MACHINE: "monitoring",
}
"""Prefixes of generated names, after the stack's; workflows have names that we choose.

CloudFormation truncates long names, so a pattern uses only their first twenty letters.
"""
_LETTERS = 20
_DAY = 1440
_WIDTH, _HEIGHT = 12, 8


def dashboard() -> dict[str, Any]:
    """Return the dashboard as Grafana imports it."""
    names = {dimension_names.STAGE: "$stage"} | {output: f"${output}" for output in LOGICAL_IDS}
    return {
        "uid": "stresswatch",
        "title": "Stresswatch",
        "tags": ["stresswatch"],
        "schemaVersion": 39,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "5m",
        "time": {"from": "now-3d", "to": "now"},
        "timezone": "utc",
        "templating": {"list": _variables()},
        "annotations": {"list": [_alarms()]},
        "panels": list(_panels(names)),
    }


def _panels(names: dict[str, str]) -> Iterable[dict[str, Any]]:
    top = number = 0
    for section in SECTIONS:
        yield {
            "id": (number := number + 1),
            "type": "row",
            "title": section.title,
            "gridPos": {"x": 0, "y": top, "w": 2 * _WIDTH, "h": 1},
            "collapsed": False,
            "panels": [],
        }
        for column, panel in enumerate(section.panels):
            x, y = _WIDTH * (column % 2), top + 1 + _HEIGHT * (column // 2)
            yield {
                "id": (number := number + 1),
                "gridPos": {"x": x, "y": y, "w": _WIDTH, "h": _HEIGHT},
                **_panel(panel, names),
            }
        top += 1 + _HEIGHT * -(-len(section.panels) // 2)


def _panel(panel: Panel, names: dict[str, str]) -> dict[str, Any]:
    targets = [
        target
        for place, series in enumerate(panel.series)
        for target in _targets(place, series, panel.minutes, names)
    ]
    drawn: dict[str, Any] = {
        "fillOpacity": 60 if panel.is_stacked else 0,
        "spanNulls": True,
        "showPoints": "auto",
    }
    if panel.minutes >= _DAY:  # CloudWatch has no value for a day without one
        drawn |= {"spanNulls": False, "insertNulls": panel.minutes * 60_000 * 3 // 2}
    if panel.is_stacked:
        drawn["stacking"] = {"mode": "normal", "group": "A"}
    return {
        "type": "timeseries",
        "title": panel.title,
        "description": panel.meaning,
        "datasource": _SOURCE,
        "fieldConfig": {
            "defaults": {
                "min": 0,
                "noValue": "not measured yet",
                "custom": {"axisLabel": panel.unit, **drawn},
            },
            "overrides": _overrides(panel),
        },
        "options": {
            "legend": {"displayMode": "list", "placement": "bottom"},
            "tooltip": {"mode": "multi"},
        },
        "targets": targets,
    }


def _targets(
    place: int, series: Series, minutes: int, names: dict[str, str]
) -> Iterable[dict[str, Any]]:
    """Yield a query; for a scaled metric a hidden one, and one that multiplies it."""
    letter = chr(ord("A") + place)
    both = {
        "datasource": _SOURCE,
        "queryMode": "Metrics",
        "metricQueryType": 0,
        "region": _REGION,
        "period": str(minutes * 60),
    }
    by_expression = both | {"metricEditorMode": 1, "label": series.title, "refId": letter}
    if series.is_open:
        yield by_expression | {"id": "", "expression": series.search(names, minutes)}
        return
    is_scaled = series.scale != 1
    yield both | {
        "refId": f"{letter}m" if is_scaled else letter,
        "id": f"m{place}",
        "metricEditorMode": 0,
        "namespace": series.namespace,
        "metricName": series.metric,
        "dimensions": series.dimensions_in(names),
        "statistic": series.statistic,
        "matchExact": True,
        "expression": "",
        "label": series.title,
        "hide": is_scaled,
    }
    if is_scaled:
        yield by_expression | {"id": f"e{place}", "expression": series.scaled(f"m{place}")}


def _overrides(panel: Panel) -> list[dict[str, Any]]:
    """Return each line's colour and style; bounds are a band around a thick first line."""
    if len(panel.series) > len(COLOURS):
        return []
    colours = {
        series.title: colour
        for series, colour in zip(panel.series, COLOURS, strict=False)
        if not series.is_open
    }
    styles: dict[str, dict[str, Any]] = {}
    if panel.bounds:
        lower, upper = panel.bounds
        first = panel.series[0].title
        colours |= dict.fromkeys((lower, upper), colours[first])
        unseen = {"lineWidth": 0, "showPoints": "never"}
        styles = {
            first: {"lineWidth": 3},
            lower: unseen,
            upper: {**unseen, "fillBelowTo": lower, "fillOpacity": 20},
        }
    return [
        {
            "matcher": {"id": "byName", "options": title},
            "properties": [
                {"id": "color", "value": {"mode": "fixed", "fixedColor": colour}},
                *(
                    {"id": f"custom.{name}", "value": value}
                    for name, value in styles.get(title, {}).items()
                ),
            ],
        }
        for title, colour in colours.items()
    ]


def _variables() -> list[dict[str, Any]]:
    stages = ["dev", "staging", "prod"]
    return [
        {"name": "source", "label": "CloudWatch", "type": "datasource", "query": "cloudwatch"},
        {
            "name": "region",
            "type": "query",
            "datasource": _SOURCE,
            "query": {"queryType": "regions", "refId": "region"},
            "current": {"text": "us-east-1", "value": "us-east-1"},
            "refresh": 1,
        },
        {
            "name": "stage",
            "type": "custom",
            "query": ",".join(stages),
            "options": [
                {"text": stage, "value": stage, "selected": stage == "prod"} for stage in stages
            ],
            "current": {"text": "prod", "value": "prod"},
        },
        *(_name_of(output, series) for output, series in _named().items()),
    ]


def _named() -> dict[str, Series]:
    """Return a series for each output that dimensions refer to, in order."""
    return {
        field: series
        for panel in PANELS
        for series in panel.series
        for value in series.dimensions.values()
        for _, field, _, _ in Formatter().parse(value)
        if field and field != dimension_names.STAGE
    }


def _name_of(output: str, series: Series) -> dict[str, Any]:
    """Return a variable that finds the name behind an output among a metric's dimensions."""
    (dimension,) = series.dimensions
    return {
        "name": output,
        "type": "query",
        "hide": 2,
        "datasource": _SOURCE,
        "query": {
            "queryType": "dimensionValues",
            "refId": output,
            "region": _REGION,
            "namespace": series.namespace,
            "metricName": series.metric,
            "dimensionKey": dimension,
            "dimensionFilters": {},
        },
        "regex": f"/stresswatch-$stage-{LOGICAL_IDS[output][:_LETTERS]}/",
        "refresh": 2,
    }


def _alarms() -> dict[str, Any]:
    """Return annotations for alarm state changes."""
    return {
        "name": "Alarms",
        "enable": True,
        "iconColor": "red",
        "datasource": _SOURCE,
        "target": {
            "refId": "Alarms",
            "queryMode": "Annotations",
            "prefixMatching": True,
            "actionPrefix": "",
            "alarmNamePrefix": "stresswatch-$stage",
            "region": _REGION,
            "namespace": "",
            "metricName": "",
            "dimensions": {},
            "statistic": "Average",
            "period": "300",
        },
    }


if __name__ == "__main__":
    print(json.dumps(dashboard(), indent=2))  # noqa: T201 - it is what the command is for
