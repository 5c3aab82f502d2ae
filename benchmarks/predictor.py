"""How fast the predictor is, beside scikit-learn, the earlier project's handler and a floor.

``python -m benchmarks.predictor [--json] [--rounds N]`` uses the posts at hand: Dreaddit where
``STRESSWATCH_DATA_DIR`` holds it, synthetic ones elsewhere. Models learn from four fifths of them,
and are measured on the rest. Everything runs on one core.
"""

from __future__ import annotations

import os

from benchmarks.timing import Spread, Work, machine, rate, speedup, time_in_turns, use_one_core
from verification.lambda_context import CONTEXT

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
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import joblib
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.baseline import EarlierModel
from cli.data import load_posts
from lambdas.predictor import handler as predictor_module
from stresswatch.contracts.identity import KEY_LENGTH
from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.contracts.posts import post_record
from stresswatch.contracts.reasons import ReasonsPolicy
from stresswatch.evaluation.splits import split
from stresswatch.model.artefact import Artefact
from stresswatch.model.sklearn_export import export_pipeline
from stresswatch.text.normalisation import MAXIMUM_TEXT_LENGTH, TOKEN_PATTERN
from stresswatch.versions.champion import ChampionCache, Pointer, ServedModel
from stresswatch.versions.shadow import ShadowCache, ShadowPointer
from training_jobs.stress_model.dataset import frame, labels_of
from training_jobs.stress_model.recipe import Hyperparameters, fit_pipeline

BATCH_SIZES = (1, 100, 500, 10_000)
TEXT_LENGTHS = (400, 4_000, MAXIMUM_TEXT_LENGTH)
EARLIER_RECORDS = 30
_RECORDS_A_ROUND = 2_000
_BATCHES_A_ROUND = 200
_CHARACTERS_A_ROUND = 400_000
_COLD_STARTS = 7
TIMED = ("handler", "handler_with_reasons", "scoring", "scikit_learn", "floor")

Name = tuple[str, int]
"""Of a work: what is timed, and the size of its batches or the length of its texts."""


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
    sides = split(data.posts)
    learnt, fresh = sides.train, sides.evaluation
    pipeline = fit_pipeline(learnt, Hyperparameters())
    artefact = export_pipeline(pipeline)
    earlier = EarlierModel().fit(frame(learnt), labels_of(learnt))
    works = _works_on_lengths(fresh) | {("earlier_handler", 1): _earlier_handler(fresh, earlier)}
    for size in BATCH_SIZES:
        works |= _works_on_batches(size, fresh, pipeline, artefact)
    with handler_of(artefact):
        seconds = time_in_turns(works, arguments.rounds)
    result = {
        "machine": machine(),
        "data": f"{data.name}; {len(learnt):,} to learn from, {len(fresh):,} to measure on",
        "rounds": arguments.rounds,
        "artefact_bytes": len(artefact.to_bytes()),
        "earlier_handler_per_second": asdict(rate(seconds["earlier_handler", 1])),
        "by_batch": [_batch_figures(size, seconds) for size in BATCH_SIZES],
        "by_text_length": [_length_figures(length, seconds) for length in TEXT_LENGTHS],
        "cold_start": _cold_starts(artefact, pipeline),
    }
    if arguments.json:
        json.dump(result, sys.stdout, indent=2)
    else:
        _show(result)


@contextlib.contextmanager
def handler_of(artefact: Artefact, challenger: Artefact | None = None) -> Any:
    """Let the handler serve a model, beside it a challenger if there is one, onto a stub."""
    served = ServedModel(Pointer("v1", "s3://models/v1/", "0" * 64), artefact)
    sink: Any = _Sink()
    stubbed = predictor_module.Predictor(
        champion=ChampionCache(lambda: served.pointer, lambda _: served, 3600, lambda _: None),
        s3=sink,
        kinesis=sink,
        predictions_stream="predictions",
        archive_bucket="archive",
        quarantine_bucket="quarantine",
        explains=ReasonsPolicy.ON_REQUEST,
        read_key=lambda: b"k" * KEY_LENGTH,
        shadow=_shadow_of(challenger, sink) if challenger else None,
    )
    (log,) = predictor_module.logger.handlers
    with (
        patch.object(predictor_module, "predictor", lambda: stubbed),
        Path(os.devnull).open("w") as nowhere,
        contextlib.redirect_stdout(nowhere),
        patch.object(log, "stream", nowhere),
    ):
        yield


def _shadow_of(challenger: Artefact, sink: Any) -> predictor_module.Shadow:
    served = ServedModel(Pointer("v2", "s3://models/v2/", "0" * 64), challenger)
    pointer = ShadowPointer(served.pointer, datetime.now(UTC) + timedelta(days=1))
    cache = ShadowCache(lambda: pointer, lambda _: served, 3600)
    return predictor_module.Shadow(cache, sink, "archive")


def _works_on_batches(
    size: int, posts: list[LabelledPost], pipeline: Any, artefact: Artefact
) -> dict[Name, Work]:
    n_batches = min(max(1, _RECORDS_A_ROUND // size), _BATCHES_A_ROUND)
    endless = itertools.cycle(posts)
    batches = [list(itertools.islice(endless, size)) for _ in range(n_batches)]
    frames = [frame(each) for each in batches]
    inputs = [
        ([post.post.text for post in each], np.array([post.post.numbers for post in each]))
        for each in batches
    ]
    payloads = [_payload(post) for each in batches for post in each]
    asking = [
        [replace(each, post=each.post._replace(asks_reasons=True)) for each in batch]
        for batch in batches
    ]
    find_tokens = re.compile(TOKEN_PATTERN).findall
    runs = {
        "handler": handle([event_of(each) for each in batches]),
        "handler_with_reasons": handle([event_of(each) for each in asking]),
        "scoring": lambda: [artefact.score(*each) for each in inputs],
        "scikit_learn": lambda: [pipeline.predict_proba(each) for each in frames],
        "floor": lambda: [find_tokens(json.loads(each)["text"].lower()) for each in payloads],
    }
    return {(name, size): Work(run, len(payloads)) for name, run in runs.items()}


def _works_on_lengths(posts: list[LabelledPost]) -> dict[Name, Work]:
    """Handle texts of one length, as many characters in all whatever the length."""
    characters = " ".join(post.post.text for post in posts)
    characters = (characters * (1 + _CHARACTERS_A_ROUND // len(characters)))[:_CHARACTERS_A_ROUND]
    works = {}
    for length in TEXT_LENGTHS:
        texts = [characters[at : at + length] for at in range(0, _CHARACTERS_A_ROUND, length)]
        batch = [
            replace(labelled, post=labelled.post._replace(text=text))
            for labelled, text in zip(itertools.cycle(posts), texts, strict=False)
        ]
        works["characters", length] = Work(handle([event_of(batch)]), _CHARACTERS_A_ROUND)
    return works


def _earlier_handler(posts: list[LabelledPost], earlier: EarlierModel) -> Work:
    records = event_of(posts[:EARLIER_RECORDS])["Records"]
    return Work(lambda: [earlier.handle(record) for record in records], len(records))


def handle(events: Sequence[dict[str, Any]]) -> Callable[[], object]:
    return lambda: [predictor_module.handler(event, CONTEXT) for event in events]


def _batch_figures(size: int, seconds: Mapping[Name, Sequence[float]]) -> dict[str, Any]:
    handler = seconds["handler", size]
    peers = {name: seconds[name, size] for name in ("scikit_learn", "floor")}
    peers["earlier_handler"] = seconds["earlier_handler", 1]
    return {
        "batch_size": size,
        "per_second": {name: asdict(rate(seconds[name, size])) for name in TIMED},
        "handler_to": {name: asdict(speedup(handler, theirs)) for name, theirs in peers.items()},
    }


def _length_figures(length: int, seconds: Mapping[Name, Sequence[float]]) -> dict[str, Any]:
    nanoseconds = [each * 1e9 for each in seconds["characters", length]]
    return {"characters": length, "nanoseconds_per_character": asdict(Spread.of(nanoseconds))}


def _payload(labelled: LabelledPost) -> bytes:
    return json.dumps(post_record(labelled.post)).encode()


def event_of(posts: Sequence[LabelledPost]) -> dict[str, Any]:
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


_START_OURS = """
import numpy
from lambdas.predictor.handler import handler
from stresswatch.model.artefact import Artefact
artefact = Artefact.from_bytes(open({path!r}, "rb").read())
artefact.score(["I cannot sleep"], numpy.zeros((1, 5)))
"""
_START_JOBLIB = """
import joblib
import pandas
from stresswatch.contracts.posts import NUMERIC_FEATURES
post = pandas.DataFrame([dict.fromkeys(NUMERIC_FEATURES, 0.0) | {{"text": "I cannot sleep"}}])
joblib.load({path!r}).predict_proba(post[["text", *NUMERIC_FEATURES]])
"""
# Linux counts the peak of `getrusage` from before the process was replaced; this one is its own.
_PEAK = "print(*(l.split()[1] for l in open('/proc/self/status') if l.startswith('VmHWM')))"


def _cold_starts(artefact: Artefact, pipeline: Any) -> dict[str, Any]:
    """Time whole processes that import, load and score one post."""
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = Path(folder) / "model.npz", Path(folder) / "model.joblib"
        ours.write_bytes(artefact.to_bytes())
        joblib.dump(pipeline, theirs)
        codes = {
            "predictor": _START_OURS.format(path=str(ours)),
            "scikit_learn_with_joblib": _START_JOBLIB.format(path=str(theirs)),
            "python_alone": "",
        }
        peaks: dict[str, list[float]] = {name: [] for name in codes}
        works = {name: Work(_process(code, peaks[name])) for name, code in codes.items()}
        seconds = time_in_turns(works, _COLD_STARTS, clock=time.perf_counter)
    share = speedup(seconds["scikit_learn_with_joblib"], seconds["predictor"])
    figures = {
        name: {"seconds": asdict(Spread.of(each)), "peak_mb": max(peaks[name])}
        for name, each in seconds.items()
    }
    return figures | {"share_of_joblib": asdict(share)}


def _process(code: str, peaks: list[float]) -> Callable[[], None]:
    def run() -> None:
        done = subprocess.run(  # noqa: S603 - our own code
            [sys.executable, "-c", code + _PEAK], capture_output=True, text=True, check=True
        )
        peaks.append(int(done.stdout.split()[-1]) / 1024)

    return run


def _show(result: dict[str, Any]) -> None:
    console = Console()
    console.print(f"{result['machine']}; {result['data']}; median of {result['rounds']} rounds")
    console.print(
        f"artefact: {result['artefact_bytes']:,} bytes; earlier handler: "
        f"{_text(result['earlier_handler_per_second'], '{:,.0f}')} records a second"
    )
    table = _table("Records a second on one core", "batch", *TIMED, "microseconds a record")
    for row in result["by_batch"]:
        rates = row["per_second"]
        table.add_row(
            f"{row['batch_size']:,}",
            *(_text(rates[name], "{:,.0f}") for name in TIMED),
            f"{1e6 / rates['handler']['median']:.0f}",
        )
    console.print(table)
    peers = ("earlier_handler", "scikit_learn", "floor")
    table = _table("The handler's rate as a multiple of others'", "batch", *peers)
    for row in result["by_batch"]:
        ratios = row["handler_to"]
        table.add_row(
            f"{row['batch_size']:,}",
            *(_text(ratios[name], "{:.0f}" if name == peers[0] else "{:.2f}") for name in peers),
        )
    console.print(table)
    table = _table("The handler on long texts", "characters", "nanoseconds a character")
    for row in result["by_text_length"]:
        table.add_row(f"{row['characters']:,}", _text(row["nanoseconds_per_character"], "{:.0f}"))
    console.print(table)
    cold = result["cold_start"]
    share = cold.pop("share_of_joblib")
    table = _table("Cold start, whole process", "process", "seconds", "peak MB")
    for name, row in cold.items():
        table.add_row(_title(name), _text(row["seconds"], "{:.2f}"), f"{row['peak_mb']:.0f}")
    console.print(table)
    console.print(f"predictor / scikit-learn with joblib: {_text(share, '{:.2f}')}")


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(_title(column), justify="right")
    return table


def _title(name: str) -> str:
    return name.replace("_", " ").replace("scikit learn", "scikit-learn")


def _text(spread: dict[str, float], style: str) -> str:
    median, lowest, highest = (
        style.format(spread[name]) for name in ("median", "lowest", "highest")
    )
    return f"{median} ({lowest} to {highest})"


if __name__ == "__main__":
    main()
