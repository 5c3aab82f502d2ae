"""Load on the local stack, raised step by step until predictions come late, and let go again.

`python -m benchmarks.load` sends posts at one rate after the other for some seconds each, until the
iterator age says that the stack has fallen behind or the machine sends no faster; then it waits for
the backlog to be worked off, and sends at the first rate once more. Whatever was sent must be in
the archive once, under its id, and on the predictions stream: otherwise the exit code is 1.

The stack is one of the benchmark's own, on this machine's loopback address, with the settings of
the stage dev. Producer, stack and predictor share the machine, so the limit is that of all of them.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

import local
from benchmarks.timing import machine
from cli.data.synthetic import generate_posts
from cli.deployment.client import DeploymentClient, payload, wait_for
from cli.deployment.consumer import Consumer
from cli.deployment.synthesis import synthesize
from cli.deployment.target import of_local_stack
from cli.errors import OperatorError
from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.model.sklearn_export import export_pipeline
from stresswatch.storage import archive
from stresswatch.versions.champion import Pointer, write_pointer
from stresswatch.versions.model_version import sha256
from training_jobs.stress_model.recipe import Hyperparameters, fit_pipeline

RATES = (250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000)
"""Records a second, one step each."""

STEP_SECONDS = 6.0
LATE_SECONDS = 5.0
"""An iterator age from which the stack counts as behind, and no further step begins."""

RECOVERY_SECONDS = 120.0
_CHUNK_SECONDS = 0.1
_TRAINING_POSTS = 600


@dataclass(frozen=True)
class Step:
    """Load at one rate, from `start` to `end` in seconds since the epoch."""

    name: str
    rate: int
    start: float
    end: float
    sent: int


@dataclass(frozen=True)
class Point:
    """What happened within one second, as CloudWatch has it; None where nothing did."""

    second: int
    records_out: float
    iterator_age_seconds: float | None
    batch_size: float | None
    function_milliseconds: float | None


@dataclass(frozen=True)
class Row:
    """A step's figures: rates a second, the highest iterator age, means of batches."""

    step: str
    records_in: float
    records_out: float
    iterator_age_seconds: float | None
    batch_size: float | None
    function_milliseconds: float | None


def main() -> int:
    """Run the benchmark, and print it."""
    parser = argparse.ArgumentParser(description="Load on the local stack, step by step.")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    parser.add_argument("--picture", type=Path, help="draw the run to a file: .svg or .png")
    parser.add_argument("--step-seconds", type=float, default=STEP_SECONDS)
    parser.add_argument("--rates", type=int, nargs="+", default=RATES, metavar="RATE")
    arguments = parser.parse_args()
    try:
        with loop() as running:
            result = measure(running, arguments.rates, arguments.step_seconds)
    except (OperatorError, local.LocalStackError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    if arguments.picture:
        draw(result, arguments.picture)
    if arguments.json:
        json.dump(result, sys.stdout, indent=2)
    else:
        show(result)
    return 0 if is_faithful(result) else 1


@contextmanager
def loop() -> Iterator[DeploymentClient]:
    """Start a local stack with a champion that was trained on synthetic posts."""
    with deployed() as running:
        promote(running, generate_posts()[:_TRAINING_POSTS])
        yield running


@contextmanager
def deployed() -> Iterator[DeploymentClient]:
    """Start a local stack of its own, with nothing in it."""
    with tempfile.TemporaryDirectory() as folder:
        app = synthesize(Path(folder) / "cdk.out")
        stack = local.up(Path(folder) / "stack", template_directory=app, on_progress=lambda _: None)
        try:
            yield DeploymentClient(of_local_stack(stack))
        finally:
            local.down(Path(folder) / "stack")


def promote(running: DeploymentClient, posts: Sequence[LabelledPost]) -> None:
    """Make a model of the posts the champion; how good it is does not matter here."""
    model = export_pipeline(fit_pipeline(posts, Hyperparameters())).to_bytes()
    target, version = running.target, "load"
    bucket = target.output("ModelBucketName")
    target.client("s3").put_object(Bucket=bucket, Key=f"models/{version}/model.npz", Body=model)
    pointer = Pointer(version, f"s3://{bucket}/models/{version}/", sha256(model))
    write_pointer(target.client("ssm"), target.output("ChampionParameterName"), pointer, "load")


def measure(running: DeploymentClient, rates: Sequence[int], step_seconds: float) -> dict[str, Any]:
    """Raise the load, let it go, look whether everything arrived, and give all figures."""
    payloads = itertools.cycle([payload(post) for post in generate_posts()])
    began = time.time()
    ids: list[str] = []
    steps = [_send(running, "warm-up", rates[0], step_seconds, payloads, ids)]
    for rate in rates:
        steps.append(_send(running, f"{rate:,}", rate, step_seconds, payloads, ids))
        is_slower_than_asked = steps[-1].sent < 0.8 * rate * (steps[-1].end - steps[-1].start)
        if is_slower_than_asked or _is_late(running, steps[-1]):
            break
    load_ended = time.time()
    _wait_until_predicted(running, began, len(ids))
    drained = time.time()
    steps.append(Step("backlog", 0, load_ended, drained, 0))
    steps.append(_send(running, f"{rates[0]:,} again", rates[0], step_seconds, payloads, ids))
    _wait_until_predicted(running, began, len(ids))
    points = _points(running, began, time.time())
    return {
        "machine": machine(),
        "steps": [asdict(step) for step in steps],
        "rows": [asdict(row) for row in rows(steps, points)],
        "points": [asdict(point) for point in points],
        "recovery_seconds": drained - load_ended,
    } | _check(running, began, ids)


def _send(
    running: DeploymentClient,
    name: str,
    rate: int,
    seconds: float,
    payloads: Iterator[tuple[str, bytes]],
    ids: list[str],
) -> Step:
    """Send at a rate, as evenly as the machine can, and remember the ids of the predictions."""
    start, before = time.time(), len(ids)
    while (elapsed := time.time() - start) < seconds:
        due = int(rate * min(elapsed + _CHUNK_SECONDS, seconds)) - (len(ids) - before)
        if due > 0:
            # A chunk that is long overdue is cut: a step ends when its time is over.
            ids += running.send(list(itertools.islice(payloads, min(due, 2_000))))
        time.sleep(max(0.0, start + elapsed + _CHUNK_SECONDS - time.time()))
    return Step(name, rate, start, time.time(), len(ids) - before)


def _is_late(running: DeploymentClient, step: Step) -> bool:
    ages = _series(running, "AWS/Lambda", "IteratorAge", step.start, step.end)
    return any(point["Maximum"] >= LATE_SECONDS * 1000 for point in ages.values())


def _wait_until_predicted(running: DeploymentClient, began: float, count: int) -> None:
    def is_predicted() -> bool | None:
        predicted = _series(running, "Stresswatch", "PostsPredicted", began, time.time())
        return True if sum(point["Sum"] for point in predicted.values()) >= count else None

    wait_for(f"{count:,} predictions", is_predicted, RECOVERY_SECONDS)


def _series(
    running: DeploymentClient, namespace: str, metric: str, start: float, end: float
) -> Mapping[int, Mapping[str, float]]:
    """Read a metric of the predictor by the second."""
    target = running.target
    dimensions = (
        {"Stage": "dev", "service": "predictor"}
        if namespace == "Stresswatch"
        else {"FunctionName": target.output("PredictorFunctionName")}
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
    out = _series(running, "Stresswatch", "PostsPredicted", start, end)
    read = _series(running, "Stresswatch", "PostsRead", start, end)
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


def rows(steps: Sequence[Step], points: Sequence[Point]) -> list[Row]:
    """Sum up the points of each step; a second belongs to the step that it begins in."""
    return [
        _row(step, [one for one in points if step.start <= one.second < math.ceil(step.end)])
        for step in steps
    ]


def _row(step: Step, points: Sequence[Point]) -> Row:
    ages = [p.iterator_age_seconds for p in points if p.iterator_age_seconds is not None]
    sizes = [p.batch_size for p in points if p.batch_size is not None]
    times = [p.function_milliseconds for p in points if p.function_milliseconds is not None]
    seconds = step.end - step.start
    return Row(
        step=step.name,
        records_in=step.sent / seconds if seconds else 0.0,
        records_out=sum(p.records_out for p in points) / len(points) if points else 0.0,
        iterator_age_seconds=max(ages, default=None),
        batch_size=sum(sizes) / len(sizes) if sizes else None,
        function_milliseconds=sum(times) / len(times) if times else None,
    )


def _check(running: DeploymentClient, began: float, ids: Sequence[str]) -> dict[str, int]:
    """Compare what was sent with the predictions stream, and the archive."""
    consumer, expected = Consumer(running.target), set(ids)
    deadline = time.monotonic() + RECOVERY_SECONDS
    while not expected <= consumer.predictions.keys() and time.monotonic() < deadline:
        if not consumer.poll():
            time.sleep(_CHUNK_SECONDS)
    archived = archive.read(
        running.target.client("s3"),
        running.target.output("ArchiveBucketName"),
        datetime.fromtimestamp(began, UTC) - timedelta(minutes=1),
        datetime.now(UTC) + timedelta(minutes=1),
    )
    return compare(ids, [row["prediction_id"] for row in archived], set(consumer.predictions)) | {
        "quarantined": running.quarantined()
    }


def compare(sent: Sequence[str], archived: Sequence[str], streamed: set[str]) -> dict[str, int]:
    """Count what was lost and what nobody sent."""
    expected = set(sent)
    return {
        "sent": len(sent),
        "lost_in_archive": len(expected - set(archived)),
        "lost_on_stream": len(expected - streamed),
        "never_sent": len((set(archived) | streamed) - expected),
        "archived_twice": len(archived) - len(set(archived)),
    }


def is_faithful(result: Mapping[str, Any]) -> bool:
    """Whether everything arrived, once, and nothing else did."""
    faults = ("lost_in_archive", "lost_on_stream", "never_sent", "archived_twice", "quarantined")
    return result["sent"] > 0 and not any(result[fault] for fault in faults)


def show(result: Mapping[str, Any]) -> None:
    """Print the result as a table."""
    console = Console()
    table = Table(title="Load on the local stack", title_justify="left")
    for column in (
        "asked, records a second", "in, a second", "out, a second",
        "iterator age, at most", "batch size", "function time",
    ):  # fmt: skip
        table.add_column(column, justify="right")
    for row in result["rows"]:
        table.add_row(
            row["step"],
            f"{row['records_in']:,.0f}",
            f"{row['records_out']:,.0f}",
            _text(row["iterator_age_seconds"], ".1f", " s"),
            _text(row["batch_size"], ",.0f", ""),
            _text(row["function_milliseconds"], ",.0f", " ms"),
        )
    console.print(result["machine"])
    console.print(table)
    console.print(
        f"sent {result['sent']:,}; lost in the archive {result['lost_in_archive']:,}, on the "
        f"predictions stream {result['lost_on_stream']:,}; archived twice "
        f"{result['archived_twice']:,}; never sent {result['never_sent']:,}; quarantined "
        f"{result['quarantined']:,}; the backlog was worked off {result['recovery_seconds']:.1f} s "
        "after the load ended"
    )


def _text(value: float | None, form: str, unit: str) -> str:
    return "-" if value is None else f"{value:{form}}{unit}"


def draw(result: Mapping[str, Any], path: Path) -> None:
    """Draw records in and out, iterator age, and batches over the seconds of the run."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 7), layout="constrained")
    FigureCanvasAgg(figure)
    began = result["steps"][0]["start"]
    points = result["points"]
    seconds = [point["second"] - began for point in points]
    flow, age, batches = figure.subplots(3, 1, sharex=True)
    edges = [result["steps"][0]["start"], *(step["end"] for step in result["steps"])]
    flow.stairs(
        [step["sent"] / max(step["end"] - step["start"], 1e-9) for step in result["steps"]],
        [edge - began for edge in edges],
        label="in",
        color="tab:orange",
        linewidth=2,
    )
    flow.plot(seconds, [point["records_out"] for point in points], label="out", color="tab:blue")
    flow.set_ylabel("records a second")
    flow.legend(loc="upper left", frameon=False)
    _draw_line(age, seconds, [point["iterator_age_seconds"] for point in points], "tab:red")
    age.set_ylabel("iterator age, s")
    _draw_line(batches, seconds, [point["batch_size"] for point in points], "tab:blue")
    batches.set_ylabel("records a batch", color="tab:blue")
    times = batches.twinx()
    _draw_line(times, seconds, [point["function_milliseconds"] for point in points], "tab:green")
    times.set_ylabel("function time, ms", color="tab:green")
    batches.set_xlabel("seconds since the start")
    (backlog,) = [step for step in result["steps"] if step["name"] == "backlog"]
    for axes in (flow, age, batches):
        axes.axvspan(backlog["start"] - began, backlog["end"] - began, color="0.92", zorder=0)
        axes.spines[["top", "right"]].set_visible(False)
    flow.set_title("Load raised step by step; grey: no load, the backlog is worked off", loc="left")
    figure.savefig(path)


def _draw_line(axes: Any, seconds: Sequence[float], values: Sequence[float | None], c: str) -> None:
    known = [(x, y) for x, y in zip(seconds, values, strict=True) if y is not None]
    axes.plot([x for x, _ in known], [y for _, y in known], color=c, marker=".", markersize=3)
    axes.set_ylim(bottom=0)


if __name__ == "__main__":
    sys.exit(main())
