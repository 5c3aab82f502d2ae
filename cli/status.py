"""What the loop is doing, read from AWS's public APIs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from rich.markup import escape
from rich.table import Table

from cli.errors import OperatorError, sentence
from cli.loop import Loop
from stresswatch.champion import Pointer
from stresswatch.outcome import tell
from stresswatch.quarantine import PREFIX as QUARANTINE_PREFIX
from stresswatch.shadow import read_shadow

_LOOK_BACK = timedelta(hours=48)
"""Twice the longest window that drift is measured on."""
_PERIOD = timedelta(minutes=5)
"""So short that `_LOOK_BACK` stays below the 1,440 figures of one request."""
_IN_THE_LOOK_BACK = f" in the last {_LOOK_BACK.total_seconds() / 3600:.0f} hours"
_EXECUTIONS = 5
_COLOURS = {"OK": "green", "ALARM": "red", "INSUFFICIENT_DATA": "yellow"}


def status_table(loop: Loop, stage: str) -> Table:
    """Tell what serves, what was measured and what runs; a line that cannot be read says why."""
    table = Table(title=loop.target.name, title_justify="left", show_header=False)
    table.add_column(style="bold", overflow="fold")
    table.add_column(overflow="fold")
    lines: dict[str, Callable[[], str]] = {
        "champion": lambda: _champion(loop),
        "posts stream": lambda: _stream(loop, "PostsStreamName"),
        "posts to predictor": lambda: _mapping(loop),
        "predictions stream": lambda: _stream(loop, "PredictionsStreamName"),
        "drift share": lambda: _latest(loop, "Stresswatch", "DriftShare", "Stage", stage),
        "posts in the last window": lambda: _latest(
            loop, "Stresswatch", "WindowPosts", "Stage", stage
        ),
        "alarms": lambda: _alarms(loop),
        "retraining": lambda: _executions(loop),
        "retrainings not begun": lambda: _not_begun(loop, stage),
        "shadow": lambda: _shadow(loop, stage),
        "quarantined today": lambda: _quarantined_today(loop),
    }
    for name, read in lines.items():
        try:
            table.add_row(name, read())
        except (BotoCoreError, ClientError) as error:
            table.add_row(name, f"[red]unknown: {escape(sentence(error))}[/]")
        except (OperatorError, ValueError) as error:
            table.add_row(name, f"[red]unknown: {escape(str(error))}[/]")
    return table


def _champion(loop: Loop) -> str:
    parameter = loop.target.client("ssm").get_parameter(
        Name=loop.target.output("ChampionParameterName")
    )["Parameter"]
    pointer = Pointer.from_json(parameter["Value"])
    if pointer is None:
        return "none yet; `stresswatch seed` uploads data, `stresswatch retrain` trains the first"
    return f"{escape(pointer.version)}, since {_moment(parameter['LastModifiedDate'])}"


def _stream(loop: Loop, output: str) -> str:
    name = loop.target.output(output)
    summary = loop.target.client("kinesis").describe_stream_summary(StreamName=name)
    described = summary["StreamDescriptionSummary"]
    shards = described["OpenShardCount"]
    return f"{name}, {described['StreamStatus'].lower()}, {shards} shard{'s' * (shards != 1)}"


def _mapping(loop: Loop) -> str:
    function = loop.target.output("PredictorFunctionName")
    if loop.target.is_local:
        # There the mapping is deployed disabled, and its work is done from outside.
        return f"{function}, driven by the local stack"
    found = loop.target.client("lambda").list_event_source_mappings(FunctionName=function)
    states = [
        f"{mapping['State'].lower()}, last result: {mapping.get('LastProcessingResult', 'none')}"
        for mapping in found["EventSourceMappings"]
    ]
    age = _latest(loop, "AWS/Lambda", "IteratorAge", "FunctionName", function)
    return "\n".join([*(states or ["no mapping"]), f"iterator age in ms: {age}"])


def _latest(loop: Loop, namespace: str, metric: str, dimension: str, value: str) -> str:
    now = datetime.now(UTC)
    answer = loop.target.client("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName=metric,
        Dimensions=[{"Name": dimension, "Value": value}],
        StartTime=now - _LOOK_BACK,
        EndTime=now + _PERIOD,
        Period=int(_PERIOD.total_seconds()),
        Statistics=["Maximum"],
    )
    if not answer["Datapoints"]:
        return f"no figure{_IN_THE_LOOK_BACK}"
    last = max(answer["Datapoints"], key=lambda point: point["Timestamp"])
    return f"{last['Maximum']:.3g}, within 5 minutes of {_moment(last['Timestamp'])}"


def _not_begun(loop: Loop, stage: str) -> str:
    suppressed = _counted(loop, "RetrainingsSuppressed", stage, "admission")
    declined = _counted(loop, "RetrainingsDeclined", stage, "dataset")
    return f"{suppressed} suppressed, {declined} declined{_IN_THE_LOOK_BACK}"


def _shadow(loop: Loop, stage: str) -> str:
    shadow = read_shadow(loop.target.client("ssm"), loop.target.output("ShadowParameterName"))
    failures = _counted(loop, "ShadowFailures", stage, "predictor")
    told = f"failed on {failures} batches{_IN_THE_LOOK_BACK}"
    if shadow is None or shadow.until <= datetime.now(UTC):
        return f"none; {told}"
    return f"{escape(shadow.pointer.version)}, until {_moment(shadow.until)}; {told}"


def _counted(loop: Loop, metric: str, stage: str, service: str) -> int:
    """Sum a metric that a function writes into its log."""
    now = datetime.now(UTC)
    answer = loop.target.client("cloudwatch").get_metric_statistics(
        Namespace="Stresswatch",
        MetricName=metric,
        Dimensions=[{"Name": "Stage", "Value": stage}, {"Name": "service", "Value": service}],
        StartTime=now - _LOOK_BACK,
        EndTime=now + _PERIOD,
        Period=int(_PERIOD.total_seconds()),
        Statistics=["Sum"],
    )
    return int(sum(point["Sum"] for point in answer["Datapoints"]))


def _alarms(loop: Loop) -> str:
    pages = loop.target.client("cloudwatch").get_paginator("describe_alarms")
    lines = [
        f"[{_COLOURS[alarm['StateValue']]}]{alarm['StateValue']}[/] {escape(alarm['AlarmName'])}"
        for page in pages.paginate(AlarmNamePrefix=loop.target.name)
        for alarm in page["MetricAlarms"]
    ]
    return "\n".join(lines) or "none"


def _executions(loop: Loop) -> str:
    lines = [_execution(loop, execution) for execution in loop.executions()[:_EXECUTIONS]]
    return "\n".join(lines) or "never ran"


def _execution(loop: Loop, execution: Mapping[str, Any]) -> str:
    """Tell of one execution in one line: of a verdict with its reasons, the first."""
    arn, status = execution["executionArn"], str(execution["status"])
    if status == "RUNNING":
        told = f"running, {loop.current_state(arn) or 'starting'}"
    elif status == "SUCCEEDED":
        told = escape(tell(json.loads(loop.describe(arn)["output"])).splitlines()[0])
    else:
        told = status.lower()
    return f"{_moment(execution['startDate'])}: {told}"


def _quarantined_today(loop: Loop) -> str:
    """Count the first thousand records: more of them is all that an operator needs to know."""
    found = loop.target.client("s3").list_objects_v2(
        Bucket=loop.target.output("QuarantineBucketName"),
        Prefix=f"{QUARANTINE_PREFIX}{datetime.now(UTC):date=%Y-%m-%d}/",
    )
    return f"{found['KeyCount']:,}{' or more' if found['IsTruncated'] else ''}"


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
