"""Measure the steps of the monitoring workflow: their code, on the local stack."""

from __future__ import annotations

import importlib
import io
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow.parquet as pq

from benchmarks.cost.functions_here import function_here, printing_to
from cli.deployment.client import DeploymentClient
from stresswatch.aws import stack_outputs
from stresswatch.aws.s3 import Location, listed, read
from stresswatch.monitoring import dimension_names, metric_names
from stresswatch.monitoring.panels import NAMESPACE
from stresswatch.settled.places import NOTHING, PREDICTIONS
from stresswatch.settled.rows import OPTIONS
from verification.lambda_context import CONTEXT

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import ObjectTypeDef

FUNCTIONS = {
    "plan": stack_outputs.PLAN_FUNCTION,
    "settle": stack_outputs.SETTLE_FUNCTION,
    "drift": stack_outputs.DRIFT_FUNCTION,
    "quality": stack_outputs.QUALITY_FUNCTION,
    "rate": stack_outputs.RATE_FUNCTION,
}
_QUERIED = (
    "prediction_id",
    "post_id",
    "text_digest",
    "text_length",
    "model_version",
    "probability",
    "source",
    "predicted_at",
)
"""Columns for live quality and for the comparison of two versions."""
_OF_RATE = {
    metric_names.CORRECTED_RATE,
    metric_names.CORRECTED_RATE_LOWER_BOUND,
    metric_names.CORRECTED_RATE_UPPER_BOUND,
    metric_names.CALLED_RATE,
}
"""Number of communities of the stage; `stresswatch cost` uses the maximum."""
_OF_DRIFT = {
    metric_names.WINDOW_POSTS,
    metric_names.DRIFT_SHARE,
    metric_names.FAILED_COMPARISONS,
    metric_names.FEATURE_DRIFT,
}


def measure(running: DeploymentClient, began: datetime, runs: int) -> dict[str, float]:
    """Settle and measure the whole archive; return the seconds of each function's fastest run."""
    end = datetime.now(UTC) + timedelta(seconds=1)
    span = {"start": began.isoformat(), "end": end.isoformat()}
    seconds, plan = _fastest(running, "plan", span, runs)
    found = {"plan": seconds, "settle": 0.0}
    for job in plan["jobs"]:
        seconds, _ = _fastest(running, "settle", job, runs)
        found["settle"] += seconds if job["shard"] != NOTHING else 0.0
    (window,) = plan["windows"]
    found["drift"], _ = _fastest(running, "drift", window, runs)
    found["quality"], _ = _fastest(running, "quality", plan["quality"], runs)
    found["rate"], _ = _fastest(running, "rate", plan["quality"], runs)
    return found


def _fastest(
    running: DeploymentClient, name: str, event: Mapping[str, Any], runs: int
) -> tuple[float, dict[str, Any]]:
    """Return the processor seconds of the fastest run, and the function's result."""
    with function_here(running, FUNCTIONS[name]):
        module = importlib.import_module(f"lambdas.{name}.handler")
        best, answer = float("inf"), {}
        with printing_to(module.logger, io.StringIO()):
            for _ in range(runs):
                started = time.process_time()
                answer = module.handler(event, CONTEXT)
                best = min(best, time.process_time() - started)
    return best, answer


def stored(running: DeploymentClient) -> dict[str, float]:
    """Return the bytes of a post in the settled archive, of its queried columns, and of a part.

    The benchmark sends each text several times, and repeated rows compress better. A part's bytes
    are those of the largest summary and sample.
    """
    s3, bucket = running.target.client("s3"), running.target.output(stack_outputs.ARCHIVE_BUCKET)

    def largest(prefix: str | None) -> ObjectTypeDef:
        return max(listed(s3, bucket, str(prefix)), key=lambda found: found["Size"])

    rows = read(s3, Location(bucket, str(largest(PREDICTIONS.settled)["Key"])))
    distinct = _with_each_text_once(rows)
    described = pq.read_metadata(io.BytesIO(distinct))
    queried = sum(
        chunk.total_compressed_size
        for group in map(described.row_group, range(described.num_row_groups))
        for chunk in map(group.column, range(group.num_columns))
        if chunk.path_in_schema in _QUERIED
    )
    return {
        "settled_bytes": len(distinct) / described.num_rows,
        "queried_bytes": queried / described.num_rows,
        "part_bytes": largest(PREDICTIONS.summaries)["Size"] + largest(PREDICTIONS.samples)["Size"],
    }


def _with_each_text_once(rows: bytes) -> bytes:
    """Write only the first row of each text, in the form of settled rows."""
    with tempfile.TemporaryDirectory() as folder:
        every, distinct = Path(folder) / "every.parquet", Path(folder) / "distinct.parquet"
        every.write_bytes(rows)
        with closing(duckdb.connect()) as connection:
            connection.execute(
                f"COPY (SELECT * FROM read_parquet('{every}') "  # noqa: S608
                "QUALIFY row_number() OVER (PARTITION BY text_digest) = 1 "
                f"ORDER BY prediction_id) TO '{distinct}' ({OPTIONS})"
            )
        return distinct.read_bytes()


def transitions(running: DeploymentClient, began: datetime) -> dict[str, int]:
    """Count the state transitions of a run with one part, and those of each part."""
    execution = running.start_measurement(began, datetime.now(UTC))
    running.follow(execution, 600, lambda _: None, what="measurement")
    history = running.target.client("stepfunctions").get_execution_history(
        executionArn=execution, maxResults=1000
    )["events"]
    entered = Counter(
        event["stateEnteredEventDetails"]["name"]
        for event in history
        if "stateEnteredEventDetails" in event
    )
    others = entered.total() - entered["Settle"]
    return {"transitions": others + 1, "part_transitions": 1}


def metrics(running: DeploymentClient) -> dict[str, int]:
    """Count the metrics of drift and live quality, each with its dimensions."""
    pages = running.target.client("cloudwatch").get_paginator("list_metrics")
    published = [
        metric
        for page in pages.paginate(Namespace=NAMESPACE)
        for metric in page["Metrics"]
        if dimension_names.SERVICE not in {each["Name"] for each in metric["Dimensions"]}
    ]
    names = [metric["MetricName"] for metric in published]
    of_drift = sum(name in _OF_DRIFT for name in names)
    return {"drift": of_drift, "quality": sum(name not in _OF_RATE for name in names) - of_drift}
