"""What a local stack on which nothing happens takes of a core, and how soon it predicts.

`python -m benchmarks.idle` starts a local stack of its own, lets it rest without a champion and
with one, and takes the processor time of all its processes over so many seconds each. In between it
sends single posts: some shortly after each other, and some after a rest that is long enough for the
stack to be quiet. A post takes from just before it is put until its prediction arrives on the
stream, whose timestamps are read at the end: to read them in between would keep the stack awake.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import local
from benchmarks.load import promote
from benchmarks.timing import machine
from cli.data.synthetic import generate_posts
from cli.deployment.client import DeploymentClient, payload, wait_for
from cli.deployment.synthesis import synthesize
from cli.deployment.target import of_local_stack
from cli.errors import OperatorError

SECONDS = 60.0
POSTS = 60
POSTS_AFTER_REST = 12

_SETTLE_SECONDS = 10.0
"""From the last request until the stack is quiet, and more."""
_REST_SECONDS = (8.0, 13.0)
_PAUSE_SECONDS = (0.5, 1.5)
_PREDICTION_SECONDS = 120.0
_TRAINING_POSTS = 600
_CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


def main() -> int:
    """Run the benchmark, and print it."""
    parser = argparse.ArgumentParser(description="What an idle local stack takes of a core.")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--posts", type=int, default=POSTS)
    parser.add_argument("--posts-after-rest", type=int, default=POSTS_AFTER_REST)
    arguments = parser.parse_args()
    try:
        with _stack() as stack:
            result = measure(stack, arguments.seconds, arguments.posts, arguments.posts_after_rest)
    except (OperatorError, local.LocalStackError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    print(json.dumps(result, indent=2) if arguments.json else "\n".join(lines(result)))  # noqa: T201
    return 0


@contextmanager
def _stack() -> Iterator[local.LocalStack]:
    with tempfile.TemporaryDirectory() as folder:
        app, directory = synthesize(Path(folder) / "cdk.out"), Path(folder) / "stack"
        try:
            yield local.up(directory, template_directory=app, on_progress=lambda _: None)
        finally:
            local.down(directory)


def measure(
    stack: local.LocalStack, seconds: float, posts: int, posts_after_rest: int
) -> dict[str, Any]:
    """Return the share of a core without and with a champion, and seconds of each prediction."""
    running = DeploymentClient(of_local_stack(stack))
    without = _share_of_core(stack.pid, seconds)
    promote(running, generate_posts()[:_TRAINING_POSTS])
    in_use = _send(running, posts, _PAUSE_SECONDS)
    after_rest = _send(running, posts_after_rest, _REST_SECONDS)
    champion = _share_of_core(stack.pid, seconds)
    arrived = _arrivals(running, in_use.keys() | after_rest.keys())
    return {
        "machine": machine(),
        "load_average": os.getloadavg()[0],
        "share_without_champion": without,
        "share_with_champion": champion,
        "in_use": [arrived[one] - sent for one, sent in in_use.items()],
        "after_rest": [arrived[one] - sent for one, sent in after_rest.items()],
    }


def _share_of_core(pid: int, seconds: float) -> float:
    time.sleep(_SETTLE_SECONDS)
    before, began = processor_seconds(pid), time.monotonic()
    time.sleep(seconds)
    return (processor_seconds(pid) - before) / (time.monotonic() - began)


def processor_seconds(pid: int) -> float:
    """Return the processor time of a process, its descendants, and those that have ended."""
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has just ended
        parents[int(folder.name)] = int(fields[1])
        ticks[int(folder.name)] = sum(int(field) for field in fields[11:15])
    family, found = [pid], 0
    while family:
        member = family.pop()
        found += ticks[member]
        family += [child for child, parent in parents.items() if parent == member]
    return found / _CLOCK_TICKS


def _send(running: DeploymentClient, count: int, pause: tuple[float, float]) -> dict[str, float]:
    """Send posts one by one; return when each was, by the id of its prediction."""
    random, sent = Random(0), {}  # noqa: S311 - pauses
    for post in generate_posts()[:count]:
        time.sleep(random.uniform(*pause))
        began = time.time()
        (prediction,) = running.send([payload(post)])
        sent[prediction] = began
    return sent


def _arrivals(running: DeploymentClient, expected: set[str]) -> dict[str, float]:
    """Read when each prediction arrived on its stream."""

    def complete() -> dict[str, float] | None:
        found = _read_arrivals(running)
        return found if expected <= found.keys() else None

    return wait_for(f"{len(expected)} predictions", complete, _PREDICTION_SECONDS)


def _read_arrivals(running: DeploymentClient) -> dict[str, float]:
    kinesis = running.target.client("kinesis")
    stream = {"StreamName": running.target.output("PredictionsStreamName")}
    found: dict[str, float] = {}
    for shard in kinesis.list_shards(**stream)["Shards"]:
        iterator = kinesis.get_shard_iterator(
            **stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        while records := (answer := kinesis.get_records(ShardIterator=iterator))["Records"]:
            for record in records:
                arrived = record["ApproximateArrivalTimestamp"].timestamp()
                found.setdefault(json.loads(record["Data"])["prediction_id"], arrived)
            iterator = answer["NextShardIterator"]
    return found


def percentile(seconds: Sequence[float], percent: int) -> float:
    """Return a percentile by linear interpolation."""
    if len(seconds) == 1:
        return seconds[0]
    return statistics.quantiles(seconds, n=100, method="inclusive")[percent - 1]


def lines(result: Mapping[str, Any]) -> Iterator[str]:
    """Word the result."""
    yield f"{result['machine']}, load average {result['load_average']:.1f}"
    yield f"idle, without a champion: {result['share_without_champion']:.1%} of a core"
    yield f"idle, with a champion: {result['share_with_champion']:.1%} of a core"
    for name, words in (("in_use", "in use"), ("after_rest", "after a rest")):
        if seconds := result[name]:
            yield (
                f"from post to prediction, {words}: p50 {percentile(seconds, 50):.2f} s, "
                f"p99 {percentile(seconds, 99):.2f} s ({len(seconds)} posts)"
            )


if __name__ == "__main__":
    sys.exit(main())
