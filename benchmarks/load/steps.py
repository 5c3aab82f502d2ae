"""Raise the load on the local stack step by step until predictions are late, then stop it.

Each rate lasts some seconds, until the iterator age shows that the stack is behind, or the machine
cannot send faster. Then the backlog drains, and posts are sent at the first rate again.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.load.processes import processor_seconds
from benchmarks.load.report import LoadStep, Point, compare, rows
from benchmarks.timing import machine
from cli.data.synthetic import generate_posts
from cli.deployment.client import DeploymentClient, payload, wait_for
from cli.deployment.consumer import Consumer
from stresswatch.aws import stack_outputs
from stresswatch.monitoring import dimension_names, metric_names
from stresswatch.monitoring.panels import NAMESPACE
from stresswatch.storage import archive

RATES = (250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000)
"""Records per second of each step."""
STEP_SECONDS = 6.0
LATE_SECONDS = 5.0
"""Iterator age from which the stack counts as behind; the last step."""
RECOVERY_SECONDS = 120.0
_CHUNK_SECONDS = 0.1


def measure(running: DeploymentClient, rates: Sequence[int], step_seconds: float) -> dict[str, Any]:
    """Raise the load, stop it, check that every post arrived, and return all measurements."""
    payloads = itertools.cycle([payload(post) for post in generate_posts()])
    began = time.time()
    ids: list[str] = []
    steps = [_send(running, "warm-up", rates[0], step_seconds, payloads, ids)]
    before, warmed_up = processor_seconds(), len(ids)
    for rate in rates:
        steps.append(_send(running, f"{rate:,}", rate, step_seconds, payloads, ids))
        is_slower_than_asked = steps[-1].sent < 0.8 * rate * (steps[-1].end - steps[-1].start)
        if is_slower_than_asked or _is_late(running, steps[-1]):
            break
    load_ended = time.time()
    _wait_until_predicted(running, began, len(ids))
    drained, used = time.time(), processor_seconds()
    posts = len(ids) - warmed_up
    steps.append(LoadStep("backlog", 0, load_ended, drained, 0))
    steps.append(_send(running, f"{rates[0]:,} again", rates[0], step_seconds, payloads, ids))
    _wait_until_predicted(running, began, len(ids))
    points = _points(running, began, time.time())
    return {
        "machine": machine(),
        "steps": [asdict(step) for step in steps],
        "rows": [asdict(row) for row in rows(steps, points)],
        "points": [asdict(point) for point in points],
        "recovery_seconds": drained - load_ended,
        "processor_microseconds_a_post": {
            part: 1e6 * (seconds - before[part]) / posts for part, seconds in used.items()
        },
    } | _check(running, began, ids)


def _send(
    running: DeploymentClient,
    name: str,
    rate: int,
    seconds: float,
    payloads: Iterator[tuple[str, bytes]],
    ids: list[str],
) -> LoadStep:
    """Send at an even rate, and record the ids of the predictions."""
    start, before = time.time(), len(ids)
    while (elapsed := time.time() - start) < seconds:
        due = int(rate * min(elapsed + _CHUNK_SECONDS, seconds)) - (len(ids) - before)
        if due > 0:
            # An overdue chunk is cut: a step ends on time.
            ids += running.send(list(itertools.islice(payloads, min(due, 2_000))))
        time.sleep(max(0.0, start + elapsed + _CHUNK_SECONDS - time.time()))
    return LoadStep(name, rate, start, time.time(), len(ids) - before)


def _is_late(running: DeploymentClient, step: LoadStep) -> bool:
    ages = _series(running, "AWS/Lambda", "IteratorAge", step.start, step.end)
    return any(point["Maximum"] >= LATE_SECONDS * 1000 for point in ages.values())


def _wait_until_predicted(running: DeploymentClient, began: float, count: int) -> None:
    def is_predicted() -> bool | None:
        predicted = _series(running, NAMESPACE, metric_names.POSTS_PREDICTED, began, time.time())
        return True if sum(point["Sum"] for point in predicted.values()) >= count else None

    wait_for(f"{count:,} predictions", is_predicted, RECOVERY_SECONDS)


def _series(
    running: DeploymentClient, namespace: str, metric: str, start: float, end: float
) -> Mapping[int, Mapping[str, float]]:
    """Read a metric of the predictor for each second."""
    target = running.target
    dimensions = (
        {dimension_names.STAGE: "dev", dimension_names.SERVICE: "predictor"}
        if namespace == NAMESPACE
        else {"FunctionName": target.output(stack_outputs.PREDICTOR_FUNCTION)}
    )
    answer = target.client("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName=metric,
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        StartTime=datetime.fromtimestamp(start, UTC),
        EndTime=datetime.fromtimestamp(end + 1, UTC),
        Period=1,
        Statistics=["Sum", "Average", "Maximum", "SampleCount"],
    )
    return {int(point["Timestamp"].timestamp()): point for point in answer["Datapoints"]}


def _points(running: DeploymentClient, start: float, end: float) -> list[Point]:
    out = _series(running, NAMESPACE, metric_names.POSTS_PREDICTED, start, end)
    read = _series(running, NAMESPACE, metric_names.POSTS_READ, start, end)
    ages = _series(running, "AWS/Lambda", "IteratorAge", start, end)
    times = _series(running, "AWS/Lambda", "Duration", start, end)
    return [
        Point(
            second=second,
            records_out=out[second]["Sum"] if second in out else 0.0,
            iterator_age_seconds=ages[second]["Maximum"] / 1000 if second in ages else None,
            batch_size=read[second]["Average"] if second in read else None,
            function_milliseconds=times[second]["Average"] if second in times else None,
        )
        for second in range(int(start), int(end) + 1)
    ]


def _check(running: DeploymentClient, began: float, ids: Sequence[str]) -> dict[str, int]:
    """Compare the sent posts with the predictions stream and the archive."""
    consumer, expected = Consumer(running.target), set(ids)
    deadline = time.monotonic() + RECOVERY_SECONDS
    while not expected <= consumer.predictions.keys() and time.monotonic() < deadline:
        if not consumer.poll():
            time.sleep(_CHUNK_SECONDS)
    archived = archive.read(
        running.target.client("s3"),
        running.target.output(stack_outputs.ARCHIVE_BUCKET),
        datetime.fromtimestamp(began, UTC) - timedelta(minutes=1),
        datetime.now(UTC) + timedelta(minutes=1),
    )
    return compare(ids, [row["prediction_id"] for row in archived], set(consumer.predictions)) | {
        "quarantined": running.quarantined()
    }
