"""Measure the latency and the cost of batch windows.

``python -m benchmarks.latency [--picture FILE] [--json]`` sends a million posts a day, at random
times (a Poisson process), to a local stack with one batch window after another. It measures the
time from just before the put of a post to the read of its prediction. `stresswatch cost` gives the
monthly cost of the stage ``prod`` with that window.

On AWS, Lambda polls a shard once a second, and the local stack polls without this wait. So on AWS a
window below a second saves no money, and all latencies are up to a second longer.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

import local
from benchmarks.load.stack import promote
from benchmarks.timing import machine
from cli.cost import stage_cost
from cli.cost.estimate import batch, bill, total
from cli.cost.items import Load
from cli.cost.measured import shipped
from cli.data.synthetic import generate_posts
from cli.deployment.client import DeploymentClient, payload, wait_for
from cli.deployment.consumer import Consumer
from cli.deployment.synthesis import synthesize
from cli.deployment.target import of_local_stack

WINDOWS = (0, 1, 2, 5, 10, 30, 60)
POSTS_A_DAY = 1_000_000
_SEED = 7
_TRAINING_POSTS = 600
_LEAST_SECONDS = 60.0
_WINDOWS_EACH = 4
"""Number of windows for which posts are sent, for at least `_LEAST_SECONDS`."""
_WARM_UP_POSTS = 5
_PATIENCE_SECONDS = 180.0
_LOOK_SECONDS = 0.02


@dataclass(frozen=True)
class Latency:
    """Latencies with one batch window, in seconds, and dollars per month.

    Attributes
    ----------
    batch : float
        Mean posts per batch at this load, by the cost estimate.
    """

    window: int
    posts: int
    p50: float
    p99: float
    longest: float
    batch: float
    dollars: float


def measure(windows: Sequence[int]) -> list[Latency]:
    """Measure each window on a separate stack."""
    deployment, measured = stage_cost.deployment("prod"), shipped()
    load = Load(POSTS_A_DAY)
    found = []
    with tempfile.TemporaryDirectory() as folder:
        app = synthesize(Path(folder) / "cdk.out")
        for window in windows:
            _set_window(app, window)
            waited = _waited(Path(folder) / f"stack-{window}", app, window)
            priced = replace(deployment, batch_window_seconds=window)
            p50, p99 = np.percentile(waited, [50, 99])
            found.append(
                Latency(
                    window=window,
                    posts=len(waited),
                    p50=float(p50),
                    p99=float(p99),
                    longest=max(waited),
                    batch=batch(load, priced, measured),
                    dollars=total(bill(load, priced, measured)),
                )
            )
    return found


def _set_window(app: Path, seconds: int) -> None:
    """Set the batch window of the posts stream's event source mapping."""
    (path,) = app.glob("*.template.json")
    template = json.loads(path.read_text())
    (mapping,) = (
        resource["Properties"]
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::Lambda::EventSourceMapping"
    )
    mapping["MaximumBatchingWindowInSeconds"] = seconds
    path.write_text(json.dumps(template))


def _waited(folder: Path, app: Path, window: int) -> list[float]:
    """Return the seconds from put to prediction of each post."""
    stack = local.up(folder, template_directory=app, on_progress=lambda _: None)
    try:
        running = DeploymentClient(of_local_stack(stack))
        promote(running, generate_posts()[:_TRAINING_POSTS])
        clock = _Clock(running)
        clock.send(_WARM_UP_POSTS, gap_seconds=0)
        clock.waited.clear()
        seconds = max(_LEAST_SECONDS, _WINDOWS_EACH * window)
        clock.send(int(seconds * Load(POSTS_A_DAY).a_second), 1 / Load(POSTS_A_DAY).a_second)
        return clock.waited
    finally:
        local.down(folder)


class _Clock:
    """Send posts, and read their predictions, each with its time."""

    def __init__(self, running: DeploymentClient):
        self.waited: list[float] = []
        self._running = running
        self._payloads = itertools.cycle([payload(post) for post in generate_posts()])
        self._consumer = Consumer(running.target)
        self._sent: dict[str, float] = {}
        self._random = random.Random(_SEED)  # noqa: S311 - times of arrival, no secret

    def send(self, posts: int, gap_seconds: float) -> None:
        """Send posts at random times, and read predictions until all have arrived."""
        due = time.monotonic()
        for _ in range(posts):
            due += self._random.expovariate(1 / gap_seconds) if gap_seconds else 0.0
            while (left := due - time.monotonic()) > 0:
                self._look()
                time.sleep(min(_LOOK_SECONDS, left))
            before = time.monotonic()
            (prediction,) = self._running.send([next(self._payloads)])
            self._sent[prediction] = before
        wait_for("all predictions", self._has_all, _PATIENCE_SECONDS, every=_LOOK_SECONDS)

    def _look(self) -> None:
        self._consumer.poll()
        now = time.monotonic()
        for prediction in self._sent.keys() & self._consumer.predictions.keys():
            self.waited.append(now - self._sent.pop(prediction))

    def _has_all(self) -> bool | None:
        self._look()
        return None if self._sent else True


def show(found: Sequence[Latency], console: Console) -> None:
    """Print the result as a table."""
    table = Table(title="From put to prediction, at a million posts a day", title_justify="left")
    for column in ("batch window", "p50", "p99", "longest", "posts a batch", "$ a month, prod"):
        table.add_column(column, justify="right", overflow="fold")
    for one in found:
        waits = [f"{seconds:.2f} s" for seconds in (one.p50, one.p99, one.longest)]
        table.add_row(f"{one.window} s", *waits, f"{one.batch:,.1f}", f"{one.dollars:,.2f}")
    console.print(machine(), table)


def draw(found: Sequence[Latency], path: Path) -> None:
    """Draw latency and dollars over the batch window, side by side."""
    from benchmarks import pictures

    figure, (waits, money) = pictures.charts(2, (9, 3.6))
    places = range(len(found))
    for name, color in (("p99", pictures.RED), ("p50", pictures.BLUE)):
        waits.plot(places, [getattr(one, name) for one in found], "o-", color=color, label=name)
    waits.set_ylabel("seconds from put to prediction")
    waits.legend(frameon=False)
    money.bar(places, [one.dollars for one in found], color=pictures.GREEN, width=0.6)
    money.set_ylabel("dollars a month, prod")
    for axes in (waits, money):
        axes.set_xticks(places, [str(one.window) for one in found])
        axes.set_xlabel("batch window, seconds")
        axes.set_ylim(bottom=0)
    pictures.save(figure, path)


def as_dict(found: Sequence[Latency]) -> Mapping[str, Any]:
    """Return the result for `--json`."""
    return {
        "machine": machine(),
        "posts_a_day": POSTS_A_DAY,
        "windows": [asdict(one) for one in found],
    }


def main() -> None:
    """Run the benchmark, and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--windows", type=int, nargs="+", default=WINDOWS, metavar="SECONDS")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    parser.add_argument("--picture", type=Path, help="draw the result to a file: .svg or .png")
    arguments = parser.parse_args()
    found = measure(arguments.windows)
    if arguments.picture:
        draw(found, arguments.picture)
    if arguments.json:
        json.dump(as_dict(found), sys.stdout, indent=2)
    else:
        show(found, Console())


if __name__ == "__main__":
    main()
