"""The cost of scoring with scikit-learn: each pipeline of the training job, beside arrays."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.timing import Spread, Work, machine, time_in_turns
from cli.data import load_posts
from stresswatch.contracts.posts import Post
from stresswatch.evaluation.metrics import measure
from stresswatch.evaluation.splits import split
from stresswatch.model.predict import predict
from stresswatch.model.scorer import Scorer
from training_jobs.model.dataset import DataSet, labels_of
from training_jobs.model.delivery import Delivery, deliver
from training_jobs.model.fitting import Hyperparameters, fit_pipeline
from training_jobs.model.pipelines import PIPELINES

BATCH_SIZES = (1, 100, 500)
_POSTS_A_ROUND = 500
_COLD_STARTS = 5
# The work of a cold function: import the handler, read the files, score one post.
_START = """
import pathlib
import numpy
from lambdas.predictor.handler import handler
from stresswatch.model.artefact import Artefact
from stresswatch.model.scorer import ScorerKind
from stresswatch.versions.model_files import scorer_of
files = pathlib.Path({folder!r})
artefact = Artefact.from_bytes((files / "model.npz").read_bytes())
read = lambda _: (files / "model.skops").read_bytes()
scorer = scorer_of(artefact, read, ScorerKind.SCIKIT_LEARN)
scorer.score_normalised(["i cannot sleep"], numpy.zeros((1, len(scorer.numeric_features))))
print(*(l.split()[1] for l in open("/proc/self/status") if l.startswith("VmHWM")))
"""


def run(rounds: int) -> dict[str, Any]:
    """Measure all works alternately."""
    data = load_posts()
    sides = split(data.posts)
    dataset = DataSet(data.posts, sides.train, sides.evaluation, invalid=0, unweighted=0)
    deliveries = {name: _deliver(name, dataset) for name in PIPELINES}
    works = {
        (name, size): _work(delivery.scorer, [one.post for one in sides.evaluation], size)
        for name, delivery in deliveries.items()
        for size in BATCH_SIZES
    }
    seconds = time_in_turns(works, rounds)
    cold = _cold_starts(deliveries)
    return {
        "machine": machine(),
        "data": f"{data.name}; {len(sides.train):,} to learn from, "
        f"{len(sides.evaluation):,} to measure on",
        "rounds": rounds,
        "pipelines": {
            name: {
                "scorer": delivery.scorer.kind,
                "bytes": delivery.scorer.size,
                **_quality(delivery.scorer, dataset),
                "seconds_a_batch": {
                    size: asdict(Spread.of([each * size for each in seconds[name, size]]))
                    for size in BATCH_SIZES
                },
                "seconds_a_single_post": _single_posts(delivery.scorer, dataset),
                "cold_start": cold[name],
            }
            for name, delivery in deliveries.items()
        },
    }


def _deliver(name: str, dataset: DataSet) -> Delivery:
    hyperparameters = Hyperparameters(pipeline=name)
    return deliver(fit_pipeline(dataset.train, hyperparameters), dataset, hyperparameters)


def _work(scorer: Scorer, posts: list[Post], size: int) -> Work:
    endless = itertools.cycle((post.post_id, post) for post in posts)
    n_batches = max(1, min(20, _POSTS_A_ROUND // size))
    batches = [list(itertools.islice(endless, size)) for _ in range(n_batches)]
    return Work(lambda: [predict(each, scorer, "v1", "now") for each in batches], n_batches * size)


def _quality(scorer: Scorer, dataset: DataSet) -> dict[str, float | None]:
    named = [(one.post.post_id, one.post) for one in dataset.evaluation]
    probability = [one.probability for one in predict(named, scorer, "v1", "now")]
    quality = measure(labels_of(dataset.evaluation), np.array(probability))
    return {"f1": quality.f1, "roc_auc": quality.roc_auc, "brier": quality.brier}


def _single_posts(scorer: Scorer, dataset: DataSet) -> dict[str, float]:
    """Score each post alone, as the web service does; return percentiles of the time."""
    seconds = []
    for one in dataset.evaluation:
        began = time.process_time()
        predict([(one.post.post_id, one.post)], scorer, "v1", "now")
        seconds.append(time.process_time() - began)
    p50, p99 = np.percentile(seconds, (50, 99)).tolist()
    return {"p50": p50, "p99": p99}


def _cold_starts(deliveries: Mapping[str, Delivery]) -> dict[str, Any]:
    """Measure whole processes that import, load and score one post, in processor time."""
    with tempfile.TemporaryDirectory() as parent:
        peaks: dict[str, list[float]] = {name: [] for name in deliveries}
        works = {}
        for name, delivery in deliveries.items():
            folder = Path(parent) / name
            folder.mkdir()
            for file, content in delivery.files.items():
                (folder / file).write_bytes(content)
            works[name] = Work(_process(_START.format(folder=str(folder)), peaks[name]))
        seconds = time_in_turns(works, _COLD_STARTS, clock=_seconds_of_processes)
    return {
        name: {"seconds": asdict(Spread.of(each)), "peak_mb": max(peaks[name])}
        for name, each in seconds.items()
    }


def _seconds_of_processes() -> float:
    """Return the processor time of the processes that have ended."""
    ended = os.times()
    return ended.children_user + ended.children_system


def _process(code: str, peaks: list[float]) -> Callable[[], None]:
    def start() -> None:
        done = subprocess.run(  # noqa: S603 - our own code
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        peaks.append(int(done.stdout.split()[-1]) / 1024)

    return start


def show(result: dict[str, Any]) -> None:
    """Print the result as two tables, which fit 80 columns."""
    console = Console()
    console.print(f"{result['machine']}; {result['data']}; median of {result['rounds']} rounds")
    models = _table("Models", "file, MB", "F1", "ROC-AUC", "cold start, s", "memory, MB")
    batches = [f"batch of {size}" for size in BATCH_SIZES]
    times = _table("Scoring on one core, milliseconds", *batches, "one: p50", "p99")
    for name, row in result["pipelines"].items():
        cold = row["cold_start"]
        models.add_row(
            name,
            f"{row['bytes'] / 1e6:.1f}",
            f"{row['f1']:.3f}",
            f"{row['roc_auc']:.3f}",
            f"{cold['seconds']['median']:.1f}",
            f"{cold['peak_mb']:.0f}",
        )
        seconds = [row["seconds_a_batch"][size]["median"] for size in BATCH_SIZES]
        times.add_row(
            name,
            *(f"{1e3 * each:.1f}" for each in (*seconds, *row["seconds_a_single_post"].values())),
        )
    console.print(models)
    console.print(times)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("pipeline", overflow="fold")
    for column in columns:
        table.add_column(column, justify="right", overflow="fold")
    return table
