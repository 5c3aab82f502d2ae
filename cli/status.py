"""What the loop is doing, read from AWS's public APIs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from botocore.exceptions import BotoCoreError, ClientError
from rich.table import Table

from cli.errors import OperatorError
from cli.loop import Loop

_LOOK_BACK = timedelta(hours=24)
_EXECUTIONS = 5


def status_table(loop: Loop, stage: str) -> Table:
    """Tell what serves, what was measured and what runs; a line that cannot be read says why."""
    table = Table(title=loop.target.name, title_justify="left", show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    lines: dict[str, Callable[[], str]] = {
        "champion": lambda: _champion(loop),
        "posts stream": lambda: _stream(loop, "PostsStreamName"),
        "predictions stream": lambda: _stream(loop, "PredictionsStreamName"),
        "drift share": lambda: _latest(loop, stage, "DriftShare"),
        "posts in the last window": lambda: _latest(loop, stage, "WindowPosts"),
        "alarms": lambda: _alarms(loop),
        "retraining": lambda: _executions(loop),
        "in quarantine": lambda: f"{loop.quarantined():,}",
    }
    for name, read in lines.items():
        try:
            table.add_row(name, read())
        except (BotoCoreError, ClientError, OperatorError, ValueError) as error:
            table.add_row(name, f"[red]cannot be read: {error}[/]")
    return table


def _champion(loop: Loop) -> str:
    champion = loop.champion()
    return champion.version if champion else "none yet; `stresswatch seed`, then `retrain`"


def _stream(loop: Loop, output: str) -> str:
    name = loop.target.output(output)
    summary = loop.target.client("kinesis").describe_stream_summary(StreamName=name)
    described = summary["StreamDescriptionSummary"]
    return f"{name}, {described['StreamStatus'].lower()}, {described['OpenShardCount']} shards"


def _latest(loop: Loop, stage: str, metric: str) -> str:
    now = datetime.now(UTC)
    answer = loop.target.client("cloudwatch").get_metric_statistics(
        Namespace="Stresswatch",
        MetricName=metric,
        Dimensions=[{"Name": "Stage", "Value": stage}],
        StartTime=now - _LOOK_BACK,
        EndTime=now + timedelta(minutes=1),
        Period=60,
        Statistics=["Maximum"],
    )
    points = sorted(answer["Datapoints"], key=lambda point: point["Timestamp"])
    if not points:
        return "no figure in the last 24 hours"
    return f"{points[-1]['Maximum']:g} at {points[-1]['Timestamp']:%Y-%m-%d %H:%M} UTC"


def _alarms(loop: Loop) -> str:
    pages = loop.target.client("cloudwatch").get_paginator("describe_alarms")
    colours = {"OK": "green", "ALARM": "red", "INSUFFICIENT_DATA": "yellow"}
    lines = [
        f"[{colours[alarm['StateValue']]}]{alarm['StateValue']}[/] {alarm['AlarmName']}"
        for page in pages.paginate(AlarmNamePrefix=loop.target.name)
        for alarm in page["MetricAlarms"]
    ]
    return "\n".join(lines) or "none"


def _executions(loop: Loop) -> str:
    lines = [
        f"{execution['status'].lower()}, started {execution['startDate']:%Y-%m-%d %H:%M:%S}"
        for execution in loop.executions()[:_EXECUTIONS]
    ]
    return "\n".join(lines) or "never ran"
