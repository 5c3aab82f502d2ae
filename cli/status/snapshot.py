"""A snapshot of a deployment, for `stresswatch status` and the dashboard.

`stresswatch.monitoring.panels` defines its metrics, as for the CloudWatch dashboard.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from cli.deployment.client import DeploymentClient
from cli.errors import OperatorError, raise_if_stopped, sentence
from cli.status.alarms import AlarmStatus, read_alarms
from cli.status.champion import read_challenger, read_champions, read_manifest, why_not_served
from cli.status.runs import WorkflowRun, monitoring_runs, retrainings
from cli.status.series import MeasuredSeries, read_series
from cli.timestamps import utc_now
from stresswatch.monitoring.panels import Panel
from stresswatch.versions.champion import Change
from stresswatch.versions.shadow import ShadowPointer
from stresswatch.versions.task_change import TaskChange

T = TypeVar("T")


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
    started : datetime or None
        Start of the local stack: a kill loses earlier runs and metrics.
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
    started: datetime | None = None

    @property
    def unmeasured(self) -> str:
        """The text for a metric without data; for a stack older than the span, with its start."""
        if "metrics" in self.unreadable:
            return "unknown"
        if self.started and self.started >= self.since:
            return f"not measured {self._since_start}"
        if self.deployed is None or self.deployed >= self.since:
            return "not measured yet"
        return f"not measured since {self.since.astimezone(UTC):%Y-%m-%d %H:%M} UTC"

    @property
    def no_runs(self) -> str:
        """The text for a workflow without runs."""
        return f"none {self._since_start}" if self.started else "never ran"

    @property
    def _since_start(self) -> str:
        assert self.started is not None  # noqa: S101 - only the local stack has this text
        return f"since the stack started at {self.started.astimezone(UTC):%Y-%m-%d %H:%M} UTC"

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
    """Return a snapshot of the last `span`; a part that cannot be read is named in `unreadable`.

    Raises
    ------
    LocalStackStopped
        When the local stack does not answer.
    """
    at = now()
    unreadable: dict[str, str] = {}

    def attempt(name: str, read: Callable[[], T], otherwise: T) -> T:
        try:
            return read()
        except (BotoCoreError, ClientError) as error:
            raise_if_stopped(error, is_local=deployment.target.is_local)
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
            "metrics", lambda: read_series(deployment, stage, at - span, at, changes), nothing
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
        started=deployment.target.started,
    )
