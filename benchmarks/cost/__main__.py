"""Measure the stack's use of AWS services on the local stack, for `stresswatch cost`.

``python -m benchmarks.cost [--json] [--output FILE]`` starts a local stack, trains a champion on
the available posts, and runs the predictor and the steps of the monitoring workflow on known
numbers of posts.

Calls and bytes are counted in boto3, log bytes in the functions' output, metrics in CloudWatch and
the log. The functions' own code runs in this process with the deployed functions' settings. Times
are processor seconds, without other processes and waits for AWS, for which `stresswatch cost`
assumes some time per call. The time of a function for n posts is ``seconds`` + n
``seconds_a_post``, from the fastest run of each size.

It writes ``cli/cost/measured.json``, a file of the command. With `--stack` it uses a running local
stack in that folder, and leaves it running.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.cost import monitors
from benchmarks.cost.functions_here import MeasuredPredictor
from benchmarks.cost.monitors import FUNCTIONS
from benchmarks.load.stack import deployed
from benchmarks.timing import machine
from cli.cost.measured import SHIPPED
from cli.data import load_posts
from cli.deployment.client import DeploymentClient
from cli.deployment.target import local_target
from stresswatch.aws import stack_outputs
from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.monitoring import drift_history

BATCH_SIZES = (1, 100, 500)
FILLING = (2, 20)
"""Full batches to predict before each timing of the monitors."""
RUNS = 3
LABELS = 500
_RETRAINING_SECONDS = 600.0


def main() -> None:
    """Measure, print and write the result."""
    parser = argparse.ArgumentParser(
        description="Measure the stack's use of AWS services on the local stack."
    )
    parser.add_argument("--json", action="store_true", help="only the JSON object")
    parser.add_argument("--output", type=Path, default=SHIPPED)
    parser.add_argument("--stack", type=Path, help="a local stack's folder, such as .stresswatch")
    arguments = parser.parse_args()
    data = load_posts()
    with _stack(arguments.stack) as running:
        figures = measure(running, data.posts)
    origin = {
        "measured_at": datetime.now(UTC).date().isoformat(),
        "commit": _commit(),
        "machine": machine(),
        "data": data.name,
    }
    text = json.dumps(origin | figures, indent=2) + "\n"
    arguments.output.write_text(text)
    print(text if arguments.json else f"{text}Written to {arguments.output}.")  # noqa: T201


def _stack(folder: Path | None) -> AbstractContextManager[DeploymentClient]:
    return contextlib.nullcontext(DeploymentClient(local_target(folder))) if folder else deployed()


def measure(running: DeploymentClient, posts: Sequence[LabelledPost]) -> dict[str, Any]:
    """Run every part of the loop on an empty stack."""
    began = datetime.now(UTC)
    retraining = _retraining(running, posts[: len(posts) * 4 // 5])
    running.label(posts[:LABELS])
    posts_again = itertools.cycle(posts)
    with MeasuredPredictor.of(running) as predictor:
        batches = {size: predictor.batches(posts_again, size, RUNS) for size in BATCH_SIZES}
        largest = batches[max(BATCH_SIZES)]
        figures = {
            "post_bytes": largest["post_bytes"],
            "prediction_bytes": largest["prediction_bytes"],
            "archived_bytes": largest["archived_bytes"],
            "predictor": _line({size: batches[size]["seconds"] for size in BATCH_SIZES})
            | {name: largest[name] for name in ("calls", "log_bytes", "metrics")},
        }
        seconds: dict[str, dict[int, float]] = {name: {} for name in FUNCTIONS}
        there = sum(BATCH_SIZES) * RUNS
        for more in FILLING:
            predictor.batches(posts_again, max(BATCH_SIZES), more)
            there += more * max(BATCH_SIZES)
            for name, spent in monitors.measure(running, began, RUNS).items():
                seconds[name][there] = spent
    return figures | {
        **monitors.stored(running),
        "monitors": {
            **{name: _line(each) for name, each in seconds.items()},
            **monitors.transitions(running, began),
        },
        "monitor_metrics": monitors.metrics(running),
        "report_bytes": _largest(running, drift_history.REPORTS),
        "retraining": retraining,
    }


def _retraining(running: DeploymentClient, posts: Sequence[LabelledPost]) -> dict[str, Any]:
    """Train a champion; return the seconds of each working state, and all transitions."""
    running.seed(posts)
    execution = running.start_retraining("cost", "measurement for the cost", force=True)
    running.follow(execution, _RETRAINING_SECONDS, lambda _: None)
    history = running.target.client("stepfunctions").get_execution_history(
        executionArn=execution, maxResults=1000
    )["events"]
    entered = {}
    seconds: Counter[str] = Counter()
    for event in history:
        if details := event.get("stateEnteredEventDetails"):
            entered[details["name"]] = event["timestamp"]
        elif (details := event.get("stateExitedEventDetails")) and "Task" in event["type"]:
            elapsed = event["timestamp"] - entered[details["name"]]
            seconds[details["name"]] += elapsed.total_seconds()
    return {
        "posts": len(posts),
        "seconds": dict(seconds),
        "transitions": sum("stateEnteredEventDetails" in event for event in history),
    }


def _line(seconds: Mapping[int, float]) -> dict[str, float]:
    """Fit a line through the smallest and the largest size, without negative coefficients."""
    small, large = min(seconds), max(seconds)
    slope = max(0.0, (seconds[large] - seconds[small]) / (large - small))
    return {"seconds": max(0.0, seconds[large] - slope * large), "seconds_a_post": slope}


def _largest(running: DeploymentClient, prefix: str) -> int:
    found = running.target.client("s3").list_objects_v2(
        Bucket=running.target.output(stack_outputs.ARCHIVE_BUCKET), Prefix=prefix
    )
    return max(item["Size"] for item in found["Contents"])


def _commit() -> str:
    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],  # noqa: S607
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parent,
    )
    return done.stdout.strip()


if __name__ == "__main__":
    main()
