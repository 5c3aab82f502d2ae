"""A deployment's status as a table for the terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import groupby

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from cli.console import literal
from cli.deployment.client import DeploymentClient
from cli.errors import OperatorError, sentence
from cli.status.alarms import AlarmStatus
from cli.status.runs import WorkflowRun
from cli.status.snapshot import Snapshot, take_snapshot
from cli.tables import Figures
from cli.timestamps import utc_now
from cli.trend import newest_rate, period_name, read_recent
from stresswatch.aws import stack_outputs
from stresswatch.monitoring.dashboard import RATE, SECTIONS
from stresswatch.monitoring.panels import Panel
from stresswatch.storage import quarantine
from stresswatch.text.wording import counted, with_unit

SPAN = timedelta(hours=24)
"""The longest window of drift, and the longest wait of live quality."""
_SINGLE_DAYS = "; `stresswatch trend --by day --source NAME` shows a community's days"
_FIRES, _WELL, _NEW = "ALARM", "OK", "not measured yet"
_MARKS = {_FIRES: "[red]ALARM[/]", _WELL: "[green]OK[/]", _NEW: "[dim]not measured yet[/]"}


def status_table(
    deployment: DeploymentClient, stage: str, now: Callable[[], datetime] = utc_now
) -> Table:
    """Return a table of the champion, metrics and running jobs, or why a part is unknown."""
    snapshot = take_snapshot(deployment, stage, SPAN, now)
    hours = SPAN.total_seconds() / 3600
    table = Table(
        title=f"{snapshot.name}, the last {hours:.0f} hours",
        title_justify="left",
        show_header=False,
    )
    table.add_column(style="bold", overflow="fold")
    table.add_column(overflow="fold")
    rows: dict[str, Callable[[], RenderableType]] = {
        "alarms": lambda: _alarms(snapshot),
        "champion": lambda: _champion(snapshot),
        "challenger": lambda: _challenger(snapshot),
        "retraining": lambda: _runs(snapshot.runs, snapshot),
        "monitoring": lambda: _runs(snapshot.monitoring, snapshot),
        "posts stream": lambda: _stream(deployment, stack_outputs.POSTS_STREAM),
        "posts to predictor": lambda: _mapping(deployment),
        "predictions stream": lambda: _stream(deployment, stack_outputs.PREDICTIONS_STREAM),
        "quarantined today": lambda: _quarantined_on(deployment, snapshot.at),
    }
    for name, read in rows.items():
        table.add_row(name, _or_why_not(snapshot, name, read))
    for section in SECTIONS:
        table.add_section()
        for panel in section.panels:
            table.add_row(
                with_unit(panel.title, panel.unit),
                _or_why_not(snapshot, "metrics", partial(_panel, deployment, snapshot, panel)),
            )
    return table


def _or_why_not(
    snapshot: Snapshot, name: str, read: Callable[[], RenderableType]
) -> RenderableType:
    why = snapshot.unreadable.get(name)
    try:
        if why is None:
            return read()
    except (BotoCoreError, ClientError) as error:
        why = sentence(error)
    except OperatorError as error:
        why = str(error)
    return f"[red]unknown: {literal(why)}[/]"


def _alarms(snapshot: Snapshot) -> str:
    """Return each firing alarm, and the number of the others."""
    by_state = sorted(snapshot.alarms, key=lambda alarm: (_state(alarm), alarm.name))
    lines = []
    for state, alarms in groupby(by_state, key=_state):
        found = list(alarms)
        if state == _FIRES:
            lines += [
                f"{_MARKS[state]} {literal(alarm.name)} since {timestamp(alarm.since)}: "
                f"{literal(alarm.meaning)} {literal(alarm.runbook)}".rstrip()
                for alarm in found
            ]
        else:
            lines.append(f"{_MARKS[state]} {len(found)} of {len(snapshot.alarms)}")
    return "\n".join(lines) or "none is deployed"


def _state(alarm: AlarmStatus) -> str:
    if alarm.fires:
        return _FIRES
    return _NEW if alarm.is_new else _WELL


def _champion(snapshot: Snapshot) -> str:
    if not snapshot.champion:
        return "none yet; `stresswatch seed` uploads data, `stresswatch retrain` trains the first"
    last = snapshot.changes[-1]
    served = f"{literal(snapshot.champion)}, since {timestamp(last.at)}: {literal(last.because)}"
    return "\n".join([served, *(f"[yellow]{literal(notice)}[/]" for notice in snapshot.notices)])


def _challenger(snapshot: Snapshot) -> str:
    if not snapshot.challenger:
        return "none shadows the champion"
    shadow = snapshot.challenger
    version, until = literal(shadow.pointer.version), timestamp(shadow.until)
    if shadow.on_probation:
        return f"{version} shadows {literal(shadow.on_probation)}, on probation until {until}"
    return f"{version}, until {until}"


def _runs(runs: Sequence[WorkflowRun], snapshot: Snapshot) -> str:
    lines = [f"{timestamp(run.started)}: {literal(run.summary)}" for run in runs]
    return "\n".join(lines) or snapshot.no_runs


def _panel(deployment: DeploymentClient, snapshot: Snapshot, panel: Panel) -> RenderableType:
    measured = [
        (line, figure)
        for line in snapshot.measured[panel.title]
        if (figure := line.figure) is not None
    ]
    if not measured:
        # The metrics cover seven full days, and `measure` has a rate at once.
        if panel is RATE.panels[0] and (newest := _newest_rate(deployment, snapshot.at, panel)):
            return newest
        hint = _SINGLE_DAYS if panel is RATE.panels[1] else ""
        return f"[dim]{snapshot.unmeasured}{hint}[/]"
    if panel.is_stacked and not any(line.is_count for line, _ in measured):
        labels = [literal(line.label) for line, figure in measured if figure]
        return Figures(labels) if labels else "none"
    return Figures(
        [f"{literal(line.label)} [bold]{number(figure)}[/]" for line, figure in measured]
    )


def _newest_rate(deployment: DeploymentClient, at: datetime, panel: Panel) -> RenderableType | None:
    """Return the newest day's or week's values for the series of the rate's panel."""
    rate = newest_rate(read_recent(deployment.target, at.date()))
    if rate is None:
        return None
    values = (rate.corrected_rate, rate.low, rate.high, rate.called_rate)
    figures = [
        f"{series.label} [bold]{number(value)}[/]"
        for series, value in zip(panel.series, values, strict=True)
        if value is not None
    ]
    return Figures([f"{period_name(rate, str(rate.start))}: {figures[0]}", *figures[1:]])


def number(value: float) -> str:
    """Format a value with three significant digits, or as an integer."""
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


def _stream(deployment: DeploymentClient, output: str) -> RenderableType:
    name = deployment.target.output(output)
    summary = deployment.target.client("kinesis").describe_stream_summary(StreamName=name)
    described = summary["StreamDescriptionSummary"]
    shards = counted(described["OpenShardCount"], "shard")
    state = f"{described['StreamStatus'].lower()}, {shards}"
    return _named(name, state)


def _mapping(deployment: DeploymentClient) -> RenderableType:
    function = deployment.target.output(stack_outputs.PREDICTOR_FUNCTION)
    if deployment.target.is_local:
        # There the mapping is deployed disabled, and the local stack does its work.
        return _named(function, "run by the local stack")
    found = deployment.target.client("lambda").list_event_source_mappings(FunctionName=function)
    states = [
        f"{mapping['State'].lower()}, last result: {mapping.get('LastProcessingResult', 'none')}"
        for mapping in found["EventSourceMappings"]
    ]
    return "\n".join(states) or "no mapping"


def _named(resource: str, state: str) -> Text:
    """Return a state with its owner; cut a name that is too long for a line."""
    return Text(f"{state}: {resource}", overflow="ellipsis")


def _quarantined_on(deployment: DeploymentClient, day: datetime) -> str:
    """Count up to a thousand records; for more, say only "or more"."""
    found = deployment.target.client("s3").list_objects_v2(
        Bucket=deployment.target.output(stack_outputs.QUARANTINE_BUCKET),
        Prefix=quarantine.folder(day),
    )
    return f"{found['KeyCount']:,}{' or more' if found['IsTruncated'] else ''}"


def timestamp(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
