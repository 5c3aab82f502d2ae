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
from stresswatch.quarantine import PREFIX as QUARANTINE_PREFIX

_LOOK_BACK = timedelta(hours=48)
"""Twice the longest window that drift is measured on."""
_PERIOD = timedelta(minutes=5)
"""So short that `_LOOK_BACK` stays below the 1,440 figures of one request."""
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


def outcome(output: Mapping[str, Any]) -> str:
    """Say what came of a retraining, and why."""
    admission, dataset = output.get("admission", {}), output.get("dataset", {})
    if admission and not admission["admitted"]:
        return f"Suppressed: {escape(admission['reason'])}."
    if reason := dataset.get("declined"):
        return f"Declined: {escape(reason)}."
    gate, word = output["gate"], output.get("approval")
    if gate["accepted"] and word and "Error" in word:
        return (
            f"The gate accepted {gate['version']}, nobody approved it in time; the champion stays."
        )
    if gate["accepted"] and word and not word["approved"]:
        why = escape(f"{word['by']} rejected it: {word['why']}")
        return f"The gate accepted {gate['version']}, {why}; the champion stays."
    if gate["accepted"]:
        return f"The gate accepted {gate['version']}; it is the champion now."
    failed = [check for check in gate["checks"] if not check["passed"]]
    reasons = [f"- {escape(check['name'])}: {escape(check['reason'])}" for check in failed]
    return "\n".join([f"The gate rejected {gate['version']}; the champion stays.", *reasons])


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
        return f"no figure in the last {_LOOK_BACK.total_seconds() / 3600:.0f} hours"
    last = max(answer["Datapoints"], key=lambda point: point["Timestamp"])
    return f"{last['Maximum']:.3g}, within 5 minutes of {_moment(last['Timestamp'])}"


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
        told = outcome(json.loads(loop.describe(arn)["output"])).splitlines()[0]
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
