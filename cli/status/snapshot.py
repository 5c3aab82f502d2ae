"""A snapshot of a deployment, for `stresswatch status` and the dashboard.

`stresswatch.monitoring.panels` defines its metrics, as for the CloudWatch dashboard.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from cli.deployment.client import DeploymentClient
from cli.errors import OperatorError, sentence
from cli.status.alarms import AlarmStatus, read_alarms
from cli.status.champion import read_challenger, read_champions, read_manifest, why_not_served
from cli.status.runs import WorkflowRun, monitoring_runs, retrainings
from cli.timestamps import utc_now
from stresswatch.aws.identifiers import METRIC_DIMENSION, printable
from stresswatch.monitoring import dimension_names
from stresswatch.monitoring.dashboard import PANELS
from stresswatch.monitoring.panels import ANY, Panel, Series
from stresswatch.versions.champion import Change
from stresswatch.versions.shadow import ShadowPointer
from stresswatch.versions.task_change import TaskChange

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.type_defs import MetricDataQueryTypeDef

T = TypeVar("T")

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


@dataclass(frozen=True)
class Snapshot:
    """The state of a deployment at one point in time.

    Attributes
    ----------
    since : datetime
        Start of the shown metrics.
    measured : mapping of str to sequence of MeasuredSeries
        Series by the panel's title.
    changes : sequence of Change
        Changes of the champion, oldest first.
    challenger : ShadowPointer or None
        The version that shadows the champion, and the end of its shadowing.
    task_change : TaskChange or None
        Difference between the champion's features and those of posts; None where equal.
    not_served : str
        Why the stage does not serve the champion; empty where it does.
    runs, monitoring : sequence of WorkflowRun
        Runs of the retraining and monitoring workflows, newest first.
    unreadable : mapping of str to str
        Parts that could not be read, with reasons.
    deployed : datetime or None
        Creation time of the stack, if known.
    """

    name: str
    at: datetime
    since: datetime
    measured: Mapping[str, Sequence[MeasuredSeries]] = field(default_factory=dict)
    alarms: Sequence[AlarmStatus] = ()
    changes: Sequence[Change] = ()
    challenger: ShadowPointer | None = None
    task_change: TaskChange | None = None
    not_served: str = ""
    runs: Sequence[WorkflowRun] = ()
    monitoring: Sequence[WorkflowRun] = ()
    unreadable: Mapping[str, str] = field(default_factory=dict)
    deployed: datetime | None = None

    @property
    def unmeasured(self) -> str:
        """The text for a metric without data; for a stack older than the span, with its start."""
        if self.deployed is None or self.deployed >= self.since:
            return "not measured yet"
        return f"not measured since {self.since.astimezone(UTC):%Y-%m-%d %H:%M} UTC"

    @property
    def champion(self) -> str:
        """The version that serves; empty when none does yet."""
        pointer = self.changes[-1].pointer if self.changes else None
        return pointer.version if pointer else ""

    @property
    def is_empty(self) -> bool:
        """Whether nothing was measured yet."""
        return not any(one.values for series in self.measured.values() for one in series)

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON of `stresswatch status --json`; times in ISO 8601."""
        challenger = self.challenger
        return {
            "name": self.name,
            "at": self.at.isoformat(),
            "since": self.since.isoformat(),
            "alarms": [
                asdict(alarm) | {"since": alarm.since.isoformat(), "fires": alarm.fires}
                for alarm in self.alarms
            ],
            "champion": self.champion or None,
            "task_change": self.task_change
            and {**asdict(self.task_change), "advice": self.task_change.advice},
            "not_served": self.not_served or None,
            "challenger": challenger
            and {
                "version": challenger.pointer.version,
                "until": challenger.until.isoformat(),
                "on_probation": challenger.on_probation or None,
            },
            "retraining": [run.as_dict() for run in self.runs],
            "monitoring": [run.as_dict() for run in self.monitoring],
            "measured": {
                title: {line.label: line.figure for line in lines if line.values}
                for title, lines in self.measured.items()
            },
            "unreadable": dict(self.unreadable),
        }

    @property
    def notices(self) -> list[str]:
        """Return notes about the champion, in sentences."""
        change = self.task_change
        return [said for said in (self.not_served, change and change.advice) if said]

    def threshold(self, panel: Panel) -> float | None:
        """Return the threshold of the panel's alarm, in the panel's unit."""
        for alarm in self.alarms:
            if alarm.metric == panel.alarmed:
                return panel.in_unit(alarm.threshold)
        return None


def take_snapshot(
    deployment: DeploymentClient, stage: str, span: timedelta, now: Callable[[], datetime] = utc_now
) -> Snapshot:
    """Return a snapshot of the last `span`; a part that cannot be read is named in `unreadable`."""
    at = now()
    unreadable: dict[str, str] = {}

    def attempt(name: str, read: Callable[[], T], otherwise: T) -> T:
        try:
            return read()
        except (BotoCoreError, ClientError) as error:
            unreadable[name] = sentence(error)
        except (OperatorError, ValueError) as error:
            unreadable[name] = str(error)
        return otherwise

    changes: Sequence[Change] = attempt("champion", lambda: read_champions(deployment), [])
    manifest = attempt("manifest", lambda: read_manifest(deployment, changes), None)
    nothing: dict[str, tuple[MeasuredSeries, ...]] = {}
    return Snapshot(
        name=deployment.target.name,
        at=at,
        since=at - span,
        measured=attempt(
            "metrics", lambda: _measured(deployment, stage, at - span, at, changes), nothing
        ),
        alarms=attempt("alarms", lambda: read_alarms(deployment.target), []),
        changes=changes,
        task_change=manifest.task_change if manifest else None,
        not_served=attempt("scorer", lambda: why_not_served(deployment, manifest), ""),
        challenger=attempt("challenger", lambda: read_challenger(deployment, at), None),
        runs=attempt("retraining", lambda: retrainings(deployment), []),
        monitoring=attempt("monitoring", lambda: monitoring_runs(deployment), []),
        unreadable=unreadable,
        deployed=deployment.target.created,
    )


def _measured(
    deployment: DeploymentClient,
    stage: str,
    start: datetime,
    end: datetime,
    changes: Sequence[Change],
) -> dict[str, tuple[MeasuredSeries, ...]]:
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
