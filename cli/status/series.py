"""A deployment's measured series, by the panel of the dashboard, from CloudWatch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from cli.deployment.client import DeploymentClient
from cli.errors import OperatorError
from stresswatch.aws.identifiers import METRIC_DIMENSION, printable
from stresswatch.monitoring import dimension_names
from stresswatch.monitoring.dashboard import PANELS
from stresswatch.monitoring.panels import ANY, Series
from stresswatch.versions.champion import Change

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.type_defs import MetricDataQueryTypeDef

QUERIES_A_REQUEST = 500  # the most that `GetMetricData` takes


@dataclass(frozen=True)
class MeasuredSeries:
    """A measured series.

    Attributes
    ----------
    is_count : bool
        Whether its values are counts, which add up.
    times, values : tuple
        Oldest first.
    valid_from : datetime or None
        Start of the present champion's values.
    """

    label: str
    is_count: bool
    times: tuple[datetime, ...] = ()
    values: tuple[float, ...] = ()
    valid_from: datetime | None = None

    @property
    def figure(self) -> float | None:
        """The sum of counts, else the last value; None without a valid value."""
        if not self.values or (self.valid_from and self.times[-1] < self.valid_from):
            return None
        return sum(self.values) if self.is_count else self.values[-1]


def read_series(
    deployment: DeploymentClient,
    stage: str,
    start: datetime,
    end: datetime,
    changes: Sequence[Change],
) -> dict[str, tuple[MeasuredSeries, ...]]:
    """Return the series of each panel, by its title, from `start` to `end`."""
    names = {dimension_names.STAGE: stage, **deployment.target.outputs}
    cloudwatch = deployment.target.client("cloudwatch")
    sought = [
        (panel, label, series, dimensions)
        for panel in PANELS
        for series in panel.series
        for label, dimensions in _metrics(cloudwatch, series, names)
    ]
    queries: list[MetricDataQueryTypeDef] = [
        {
            "Id": f"m{place}",
            "MetricStat": {
                "Metric": {
                    "Namespace": series.namespace,
                    "MetricName": series.metric,
                    "Dimensions": [{"Name": k, "Value": v} for k, v in dimensions.items()],
                },
                "Period": period(end - start),
                "Stat": series.statistic,
            },
        }
        for place, (_, _, series, dimensions) in enumerate(sought)
    ]
    found = _figures(cloudwatch, queries, start, end)
    by_title: dict[str, tuple[MeasuredSeries, ...]] = {panel.title: () for panel in PANELS}
    # A value has the start time of its period.
    promoted = changes[-1].at - timedelta(seconds=period(end - start)) if changes else None
    for place, (panel, label, series, _) in enumerate(sought):
        measured = sorted(found[f"m{place}"])
        measured_series = MeasuredSeries(
            label,
            is_count=series.statistic == "Sum",
            times=tuple(time for time, _ in measured),
            values=tuple(value * series.scale for _, value in measured),
            valid_from=promoted if panel.is_of_champion else None,
        )
        by_title[panel.title] += (measured_series,)
    return by_title


def period(span: timedelta) -> int:
    """Return the seconds between two values: a few hundred values, at least a minute apart."""
    seconds = span.total_seconds()
    return next((each for each in (60, 300, 3600) if seconds / each <= 400), 21_600)


def _metrics(
    cloudwatch: Any, series: Series, names: Mapping[str, str]
) -> list[tuple[str, dict[str, str]]]:
    """Return a series' metrics with their labels: one, or one per value."""
    try:
        dimensions = series.dimensions_in(names)
    except KeyError as error:
        raise OperatorError(
            f"The stack has no output {error.args[0]}; deploy this version of the code."
        ) from None
    if not series.is_open:
        return [(series.label, dimensions)]
    known = [{"Name": k, "Value": v} for k, v in dimensions.items() if v != ANY]
    pages = cloudwatch.get_paginator("list_metrics").paginate(
        Namespace=series.namespace, MetricName=series.metric, Dimensions=known
    )
    found = [
        {one["Name"]: one["Value"] for one in metric["Dimensions"]}
        for page in pages
        for metric in page["Metrics"]
    ]
    each = [name for name, value in dimensions.items() if value == ANY]
    return sorted(
        (" ".join(printable(METRIC_DIMENSION.decode(one[name])) for name in each), one)
        for one in found
        if one.keys() == dimensions.keys()
    )


def _figures(
    cloudwatch: Any, queries: Sequence[MetricDataQueryTypeDef], start: datetime, end: datetime
) -> dict[str, list[tuple[datetime, float]]]:
    found: dict[str, list[tuple[datetime, float]]] = {query["Id"]: [] for query in queries}
    for first in range(0, len(queries), QUERIES_A_REQUEST):
        pages = cloudwatch.get_paginator("get_metric_data").paginate(
            MetricDataQueries=queries[first : first + QUERIES_A_REQUEST],
            StartTime=start,
            EndTime=end + timedelta(minutes=1),
        )
        for page in pages:
            for result in page["MetricDataResults"]:
                found[result["Id"]] += zip(result["Timestamps"], result["Values"], strict=True)
    return found
