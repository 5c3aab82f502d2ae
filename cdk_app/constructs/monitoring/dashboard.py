"""The dashboard: the panels of `stresswatch.monitoring.panels` in CloudWatch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from cdk_monitoring_constructs import (
    CustomMetricGroup,
    DefaultDashboardFactory,
    GraphWidgetType,
    MonitoringFacade,
)
from constructs import Construct

from cdk_app.constructs.platform.alarms import Alarms
from stresswatch.aws.stack_outputs import stack_name
from stresswatch.monitoring import dimension_names
from stresswatch.monitoring.dashboard import SECTIONS
from stresswatch.monitoring.panels import COLOURS, Panel

_WIDTH = 24
"""Width of a dashboard in grid units."""


class Dashboard(Construct):
    """One page: the state of every alarm, and below it the panels, section by section.

    Parameters
    ----------
    names : mapping of str to str
        The stack's outputs and its ``Stage``, for the panels' dimensions.
    """

    def __init__(self, scope: Construct, id: str, names: Mapping[str, str], alarms: Alarms):
        super().__init__(scope, id)
        self._names = names
        self._alarms = alarms
        facade = MonitoringFacade(
            self,
            "Panels",
            dashboard_factory=DefaultDashboardFactory(
                self,
                "Page",
                dashboard_name_prefix=stack_name(names[dimension_names.STAGE]),
                detail_dashboard_range=Duration.days(3),
            ),
        )
        facade.add_widget(
            cloudwatch.AlarmStatusWidget(
                title="Alarms (grey: not measured yet, or no longer measured)",
                alarms=[alarm for _, alarm in alarms.made],
                width=_WIDTH,
                height=4,
            )
        )
        for section in SECTIONS:
            facade.monitor_custom(
                alarm_friendly_name="panels",
                human_readable_name=section.title,
                metric_groups=[self._group(panel) for panel in section.panels],
            )

    def _group(self, panel: Panel) -> CustomMetricGroup:
        return CustomMetricGroup(
            title=panel.title,
            metrics=[self._metric(place, panel) for place in range(len(panel.series))],
            graph_widget_type=(
                GraphWidgetType.STACKED_AREA if panel.is_stacked else GraphWidgetType.LINE
            ),
            graph_widget_axis=cloudwatch.YAxisProps(label=panel.unit, min=0, show_units=False),
            graph_widget_width=_WIDTH // 2,
            horizontal_annotations=self._thresholds(panel),
        )

    def _metric(self, place: int, panel: Panel) -> cloudwatch.Metric | cloudwatch.MathExpression:
        series = panel.series[place]
        shown: dict[str, Any] = {"label": series.title, "period": Duration.minutes(panel.minutes)}
        if series.is_open:
            return cloudwatch.MathExpression(
                expression=series.search(self._names, panel.minutes), using_metrics={}, **shown
            )
        if len(panel.series) <= len(COLOURS):
            shown["color"] = COLOURS[place]
        metric = cloudwatch.Metric(
            namespace=series.namespace,
            metric_name=series.metric,
            dimensions_map=series.dimensions_in(self._names),
            statistic=series.statistic,
            **shown,
        )
        if series.scale == 1:
            return metric
        return cloudwatch.MathExpression(
            expression=series.scaled(f"m{place}"), using_metrics={f"m{place}": metric}, **shown
        )

    def _thresholds(self, panel: Panel) -> list[cloudwatch.HorizontalAnnotation]:
        """Draw an alarm's threshold, in the unit of the panel."""
        return [
            cloudwatch.HorizontalAnnotation(
                label="the alarm's threshold", value=panel.in_unit(_threshold(alarm))
            )
            for name, alarm in self._alarms.made
            if name == panel.alarmed
        ]


def _threshold(alarm: cloudwatch.Alarm) -> float:
    resource = alarm.node.default_child
    assert isinstance(resource, cloudwatch.CfnAlarm)
    assert resource.threshold is not None
    return resource.threshold
