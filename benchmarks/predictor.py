"""How fast the predictor is, beside scikit-learn, the earlier project's handler and a floor.

``python -m benchmarks.predictor [--json] [--rounds N]`` uses the posts at hand: Dreaddit where
``STRESSWATCH_DATA_DIR`` holds it, synthetic ones elsewhere. Everything runs on one core.
"""

from __future__ import annotations

import os

from benchmarks.timing import machine, rate, use_one_core

if __name__ == "__main__":
    # Before numpy starts its threads, and before the handler reads its settings.
    use_one_core()
    os.environ |= {"STAGE": "dev", "POWERTOOLS_METRICS_NAMESPACE": "Benchmark"}

import argparse
import base64
import contextlib
import itertools
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import joblib
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.earlier import EarlierModel
from cli.data import load_posts
from lambdas.predictor import handler as predictor_module
from stresswatch.artefact import TOKEN_PATTERN, Artefact
from stresswatch.champion import ChampionCache, Pointer, ServedModel
from stresswatch.export import export_pipeline
from stresswatch.posts import LabelledPost, post_record
from stresswatch.reasons import Explains
from training_jobs.stress_model.dataset import frame
from training_jobs.stress_model.recipe import Hyperparameters, fit_pipeline

BATCH_SIZES = (1, 100, 500, 10_000)
EARLIER_RECORDS = 30
_RECORDS_A_ROUND = 2_000
_COLD_STARTS = 5


class _Sink:
    """Takes what the handler writes, and does nothing with it."""

    def put_object(self, **_: object) -> None:
        pass

    def put_records(self, *, StreamName: str, Records: Sequence[object]) -> dict[str, Any]:  # noqa: N803
        return {"Records": [{"ShardId": StreamName, "SequenceNumber": "1"}] * len(Records)}


def main() -> None:
    """Run the benchmark, and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    data = load_posts()
    labels = [post.label for post in data.posts]
    pipeline = fit_pipeline(data.posts, Hyperparameters())
    artefact = export_pipeline(pipeline)
    earlier = EarlierModel().fit(frame(data.posts), labels)
    with _handler_of(artefact):
        throughput = [
            _throughput(size, data.posts, pipeline, artefact, earlier, arguments.rounds)
            for size in BATCH_SIZES
        ]
    result = {
        "machine": machine(),
        "data": data.name,
        "rounds": arguments.rounds,
        "artefact_bytes": len(artefact.to_bytes()),
        "records_per_second": throughput,
        "cold_start": _cold_starts(artefact, pipeline),
    }
    if arguments.json:
        json.dump(result, sys.stdout, indent=2)
    else:
        _show(result)


@contextlib.contextmanager
def _handler_of(artefact: Artefact) -> Any:
    served = ServedModel(Pointer("v1", "s3://models/v1/", "0" * 64), artefact)
    sink: Any = _Sink()
    stubbed = predictor_module.Predictor(
        champion=ChampionCache(lambda: served.pointer, lambda _: served, 3600, lambda _: None),
        s3=sink,
        kinesis=sink,
        predictions_stream="predictions",
        archive_bucket="archive",
        quarantine_bucket="quarantine",
        explains=Explains.ON_REQUEST,
    )
    with (
        patch.object(predictor_module, "predictor", lambda: stubbed),
        Path(os.devnull).open("w") as nowhere,
        contextlib.redirect_stdout(nowhere),
    ):
        for log_handler in predictor_module.logger.handlers:
            log_handler.setStream(nowhere)
        yield


def _throughput(
    size: int,
    posts: list[LabelledPost],
    pipeline: Any,
    artefact: Artefact,
    earlier: EarlierModel,
    rounds: int,
) -> dict[str, Any]:
    batch = list(itertools.islice(itertools.cycle(posts), size))
    repeats = max(1, _RECORDS_A_ROUND // size)
    batches = [
        list(itertools.islice(itertools.cycle(posts), start * size, (start + 1) * size))
        for start in range(repeats)
    ]
    count = size * repeats
    events = [_event(each) for each in batches]
    frames = [frame(each) for each in batches]
    texts = [[post.post.text for post in each] for each in batches]
    numbers = [np.array([post.post.numbers for post in each]) for each in batches]
    payloads = [[_payload(post) for post in each] for each in batches]
    records = _event(batch[:EARLIER_RECORDS])["Records"]
    find_tokens = re.compile(TOKEN_PATTERN).findall
    context = SimpleNamespace(
        function_name="f", memory_limit_in_mb=1, invoked_function_arn="a", aws_request_id="r"
    )

    def handle() -> None:
        for event in events:
            predictor_module.handler(event, context)

    def score() -> None:
        for each, values in zip(texts, numbers, strict=True):
            artefact.score(each, values)

    def scikit_learn() -> None:
        for each in frames:
            pipeline.predict_proba(each)

    def floor() -> None:
        for each in payloads:
            for payload in each:
                find_tokens(json.loads(payload)["text"].lower())

    def earlier_handler() -> None:
        for record in records:
            earlier.handle(record)

    return {
        "batch_size": size,
        "handler": asdict(rate(handle, count, rounds)),
        "scoring": asdict(rate(score, count, rounds)),
        "scikit_learn": asdict(rate(scikit_learn, count, rounds)),
        "earlier_handler": asdict(rate(earlier_handler, len(records), min(rounds, 3))),
        "floor": asdict(rate(floor, count, rounds)),
    }


def _payload(labelled: LabelledPost) -> bytes:
    return json.dumps(post_record(labelled.post)).encode()


def _event(posts: Sequence[LabelledPost]) -> dict[str, Any]:
    return {
        "Records": [
            {
                "eventID": f"shardId-000000000000:{place}",
                "eventSourceARN": "arn:aws:kinesis:us-east-1:123456789012:stream/posts",
                "kinesis": {
                    "sequenceNumber": str(place),
                    "data": base64.b64encode(_payload(labelled)).decode(),
                    "approximateArrivalTimestamp": 1_763_900_000.0,
                },
            }
            for place, labelled in enumerate(posts)
        ]
    }


_LOAD_OURS = """
from lambdas.predictor.handler import handler
from stresswatch.artefact import Artefact
Artefact.from_bytes(open({path!r}, "rb").read())
"""
_LOAD_JOBLIB = """
import joblib
import pandas
joblib.load({path!r})
"""
# Linux counts the peak of `getrusage` from before the process was replaced; this one is its own.
_PEAK = "print(*(l.split()[1] for l in open('/proc/self/status') if l.startswith('VmHWM')))"


def _cold_starts(artefact: Artefact, pipeline: Any) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = Path(folder) / "model.npz", Path(folder) / "model.joblib"
        ours.write_bytes(artefact.to_bytes())
        joblib.dump(pipeline, theirs)
        return {
            "predictor": _whole_process(_LOAD_OURS.format(path=str(ours))),
            "scikit_learn_with_joblib": _whole_process(_LOAD_JOBLIB.format(path=str(theirs))),
            "python_alone": _whole_process(""),
        }


def _whole_process(code: str) -> dict[str, Any]:
    """Time a whole process that runs the code; give seconds and peak memory."""
    peaks: list[float] = []

    def run() -> None:
        done = subprocess.run(  # noqa: S603 - our own code
            [sys.executable, "-c", code + _PEAK], capture_output=True, text=True, check=True
        )
        peaks.append(int(done.stdout.split()[-1]) / 1024)

    speed = rate(run, 1, _COLD_STARTS)
    return {
        "seconds": 1 / speed.median,
        "fastest": 1 / speed.highest,
        "slowest": 1 / speed.lowest,
        "peak_mb": max(peaks),
        "runs": speed.rounds,
    }


_PEERS = ("scoring", "scikit_learn", "earlier_handler", "floor")


def _show(result: dict[str, Any]) -> None:
    console = Console()
    console.print(f"{result['machine']}; {result['data']}; median of {result['rounds']} rounds")
    console.print(f"artefact: {result['artefact_bytes']:,} bytes")
    table = Table(title="Records a second on one core", title_justify="left")
    for name in ("batch", "handler", "spread", "scoring", "scikit-learn", "earlier", "floor",
                 "by scikit-learn", "by earlier", "by floor"):  # fmt: skip
        table.add_column(name, justify="right")
    for row in result["records_per_second"]:
        ours = row["handler"]["median"]
        table.add_row(
            f"{row['batch_size']:,}",
            f"{ours:,.0f}",
            f"{row['handler']['lowest']:,.0f} to {row['handler']['highest']:,.0f}",
            *(
                f"{row[name]['median']:,.0f}"
                for name in ("scoring", "scikit_learn", "earlier_handler", "floor")
            ),
            f"{ours / row['scikit_learn']['median']:.1f}",
            f"{ours / row['earlier_handler']['median']:.0f}",
            f"{ours / row['floor']['median']:.2f}",
        )
    console.print(table)
    table = Table(title="Cold start, whole process", title_justify="left")
    for name in ("process", "seconds", "spread", "peak MB"):
        table.add_column(name)
    for name, row in result["cold_start"].items():
        table.add_row(
            name.replace("_", " "),
            f"{row['seconds']:.2f}",
            f"{row['fastest']:.2f} to {row['slowest']:.2f}",
            f"{row['peak_mb']:.0f}",
        )
    console.print(table)


if __name__ == "__main__":
    main()
