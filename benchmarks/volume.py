"""Measure how the monitoring workflow grows with a window's rows, and data sets with labels.

``python -m benchmarks.volume [--rows N ...] [--json]`` fills hours of one shard's archive on a
local stack, an hour for each number of rows. It runs the steps of the monitoring workflow over each
hour: the deployed functions' code and settings, each in a separate process with its own memory.
Then it seeds the same number of labelled posts with distinct texts, and builds the data set of a
retraining twice, the second time beside the first. Exponents are the slopes of log time over log
rows between neighbouring sizes: 1 is linear. ``--data-sets`` measures only the data sets, which is
faster.

It exits with 1 where an exponent of the processor time is above `HIGHEST`.
"""

from __future__ import annotations

import argparse
import importlib
import io
import itertools
import json
import multiprocessing
import os
import resource
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.cost.functions_here import printing_to, settings_of
from benchmarks.cost.monitors import FUNCTIONS
from benchmarks.load.stack import deployed
from benchmarks.timing import growth, machine
from cli.data import load_posts
from cli.deployment.client import DeploymentClient
from stresswatch.aws import stack_outputs
from stresswatch.contracts.identity import read_key, text_digest
from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.contracts.predictions import Prediction, Record
from stresswatch.contracts.sampling import SampleShares
from stresswatch.monitoring.environments import QualityEnvironment
from stresswatch.retraining.environments import DatasetEnvironment
from stresswatch.storage import archive
from stresswatch.versions.champion import load_model
from stresswatch.versions.model_version import VERDICT_FILE, keep_verdict
from verification.lambda_context import CONTEXT

ROWS = (10_000, 100_000, 1_000_000)
HIGHEST = 1.05
"""The growth exponent that no step may exceed."""
_SHARD = "shardId-000000000000"
_A_BATCH = 500
_LABELS = 500
_WORDINGS = 600
"""Predicted posts; the rows repeat them under other ids."""
_RETRAINING_SECONDS = 600.0
_SHARES = SampleShares(0.01)
_HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Step:
    """One function's run over one window.

    Attributes
    ----------
    processor, seconds : float
        Processor seconds, and seconds from start to end.
    peak_mb : float
        Peak memory of its process.
    """

    rows: int
    name: str
    processor: float
    seconds: float
    peak_mb: float


def measure(sizes: Sequence[int], *, data_sets_alone: bool = False) -> list[Step]:
    """Fill and measure an hour and a data set for each size, the smallest first."""
    with deployed() as running:
        posts = load_posts().posts
        if data_sets_alone:
            return [_data_set(running, posts, size) for size in sorted(sizes)]
        running.seed(posts)
        execution = running.start_retraining("volume", "a champion with a reference", force=True)
        running.follow(execution, _RETRAINING_SECONDS, lambda _: None)
        _let_no_alarm_retrain(running)
        rows = _Rows.of(running, posts[:_WORDINGS])
        last = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        steps = []
        for place, size in enumerate(sorted(sizes)):
            start = last - (len(sizes) - place) * _HOUR
            rows.fill(start, size)
            steps += [*_steps(running, start, size), _data_set(running, posts, size)]
        return steps


def _let_no_alarm_retrain(running: DeploymentClient) -> None:
    """Keep the champion, whose predictions all rows are."""
    events = running.target.client("events")
    for rule in events.list_rules()["Rules"]:
        events.disable_rule(Name=rule["Name"])


def _steps(running: DeploymentClient, start: datetime, rows: int) -> list[Step]:
    """Run the functions over an hour, like the workflow."""
    span = {"start": start.isoformat(), "end": (start + _HOUR).isoformat()}
    plan, planned = _run(running, "plan", span, rows)
    (job,) = (one for one in plan["jobs"] if one["shard"] == _SHARD)
    settled, settling = _run(running, "settle", job, rows)
    assert settled["posts"] == rows, settled  # noqa: S101
    (window,) = plan["windows"]
    drift, drifted = _run(running, "drift", window, rows)
    assert (drift["status"], drift["posts"]) == ("measured", rows), drift  # noqa: S101
    quality, joined = _run(running, "quality", plan["quality"], rows)
    assert quality["status"] == "measured", quality  # noqa: S101
    rate, rated = _run(running, "rate", plan["quality"], rows)
    assert rate["status"] == "estimated", rate  # noqa: S101
    return [planned, settling, drifted, joined, rated]


def _data_set(running: DeploymentClient, posts: Sequence[LabelledPost], rows: int) -> Step:
    """Build the data set of a retraining from a number of base posts, like the workflow."""
    texts = zip(range(rows), itertools.cycle(posts), strict=False)
    running.seed(
        (
            replace(one, post=one.post._replace(post_id=f"b{n}", text=f"{one.post.text} {n}"))
            for n, one in texts
        ),
        "volume",
    )
    target, settings = running.target, settings_of(running, stack_outputs.PLAN_FUNCTION)
    environment = DatasetEnvironment(
        stage="dev",
        training_bucket=target.output(stack_outputs.TRAINING_BUCKET),
        model_bucket=target.output(stack_outputs.MODEL_BUCKET),
        champion_parameter=target.output(stack_outputs.CHAMPION_PARAMETER),
        minimum_new_labels=0,
    )
    settings |= environment.render()
    first, _ = _run_with(settings, "dataset", {}, rows)
    keep_verdict(target.client("s3"), environment.model_bucket, first["version"], VERDICT_FILE, {})
    again, built = _run_with(settings, "dataset", {}, rows)
    assert again["posts"] >= rows, again  # noqa: S101
    assert again["new_labels"] == 0, again  # noqa: S101
    return built


def _run(
    running: DeploymentClient, name: str, event: Mapping[str, Any], rows: int
) -> tuple[dict[str, Any], Step]:
    return _run_with(settings_of(running, FUNCTIONS[name]), name, event, rows)


def _run_with(
    settings: dict[str, str], name: str, event: Mapping[str, Any], rows: int
) -> tuple[dict[str, Any], Step]:
    """Run a function in a separate process; return its result, time and memory."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as alone:
        answer, *took = alone.submit(_in_this_process, name, settings, dict(event)).result()
    return answer, Step(rows, name, *took)


def _in_this_process(
    name: str, settings: dict[str, str], event: dict[str, Any]
) -> tuple[dict[str, Any], float, float, float]:
    os.environ.update(settings)
    module = importlib.import_module(f"lambdas.{name}.handler")
    processor, seconds = time.process_time(), time.perf_counter()
    with printing_to(module.logger, io.StringIO()):
        answer = module.handler(event, CONTEXT)
    took = time.process_time() - processor, time.perf_counter() - seconds
    return answer, *took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@dataclass(frozen=True)
class _Rows:
    """Archive rows of the champion, some with labels."""

    running: DeploymentClient
    labelled: Sequence[LabelledPost]
    predictions: Sequence[Prediction]

    @classmethod
    def of(cls, running: DeploymentClient, labelled: Sequence[LabelledPost]) -> _Rows:
        """Predict the wordings once."""
        pointer = running.champion()
        assert pointer  # noqa: S101
        settings = settings_of(running, stack_outputs.QUALITY_FUNCTION)
        secret = QualityEnvironment.parse(settings).identity_secret
        key = read_key(running.target.client("secretsmanager"), secret)
        served = load_model(running.target.client("s3"), pointer)
        named = [(str(place), one.post) for place, one in enumerate(labelled)]
        predictions = [
            one._replace(text_digest=text_digest(key, one.post.text))
            for one in served.predict(named, datetime.now(UTC))
        ]
        return cls(running, labelled, predictions)

    def fill(self, start: datetime, rows: int) -> None:
        """Archive a number of rows, evenly over an hour, and label the first of them."""
        target = self.running.target
        s3, bucket = target.client("s3"), target.output(stack_outputs.ARCHIVE_BUCKET)
        stream = target.output(stack_outputs.POSTS_STREAM)
        first = int(start.timestamp()) * 1_000_000
        for begin in range(0, rows, _A_BATCH):
            at = start + _HOUR * begin / rows
            records = [
                Record(b"", stream, _SHARD, str(first + place), at.timestamp())
                for place in range(begin, min(begin + _A_BATCH, rows))
            ]
            archive.write(s3, bucket, records, [self._row(record, at) for record in records])
        posts = (
            replace(
                self.labelled[(first + place) % _WORDINGS],
                post=self._row(Record(b"", stream, _SHARD, str(first + place), 0.0), start).post,
                labelled_at=None,
            )
            for place in range(_LABELS)
        )
        self.running.label(posts)

    def _row(self, record: Record, at: datetime) -> Prediction:
        place = int(record.sequence_number)
        wording = self.predictions[place % _WORDINGS]
        return wording._replace(
            prediction_id=record.prediction_id,
            post=wording.post._replace(post_id=f"p{place}"),
            predicted_at=at.isoformat(),
            encoded=None,
            draw=_SHARES.draw(place * 7_919 % 10_000 / 10_000, distance=0.5),
        )


def exponents(steps: Sequence[Step]) -> dict[str, list[float]]:
    """Return each function's slopes between neighbouring sizes."""
    return {
        name: growth(sorted((step.rows, step.processor) for step in steps if step.name == name))
        for name in dict.fromkeys(step.name for step in steps)
    }


def show(steps: Sequence[Step], console: Console) -> None:
    """Print the result as a table, and the exponents below it."""
    table = Table(title="A window of one shard, settled and measured", title_justify="left")
    for column in ("rows", "function", "processor", "begin to end", "peak memory"):
        table.add_column(
            column, justify="left" if column == "function" else "right", overflow="fold"
        )
    for step in steps:
        table.add_row(
            f"{step.rows:,}",
            step.name,
            f"{step.processor:.2f} s",
            f"{step.seconds:.2f} s",
            f"{step.peak_mb:,.0f} MB",
        )
    console.print(machine(), table)
    for name, slopes in exponents(steps).items():
        console.print(f"{name}: grows by {', '.join(f'{slope:.2f}' for slope in slopes)}")


def main() -> int:
    """Run the benchmark, and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=ROWS, metavar="N")
    parser.add_argument("--data-sets", action="store_true", help="build only data sets")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    arguments = parser.parse_args()
    steps = measure(arguments.rows, data_sets_alone=arguments.data_sets)
    slopes = exponents(steps)
    if arguments.json:
        result = {"machine": machine(), "steps": [asdict(step) for step in steps]}
        json.dump(result | {"exponents": slopes}, sys.stdout, indent=2)
    else:
        show(steps, Console())
    return int(any(slope > HIGHEST for each in slopes.values() for slope in each))


if __name__ == "__main__":
    sys.exit(main())
