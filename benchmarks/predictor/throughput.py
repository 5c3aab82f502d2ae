"""The predictor's records per second, compared with scikit-learn, a baseline and a floor."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.baseline import BaselineModel
from benchmarks.predictor.cold_start import cold_starts
from benchmarks.predictor.handlers import event_of, handle, handler_of, payload
from benchmarks.timing import Spread, Work, machine, rate, speedup, time_in_turns
from cli.data import load_posts
from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.evaluation.splits import split
from stresswatch.model.artefact import Artefact
from stresswatch.model.sklearn_export import export_pipeline
from stresswatch.task.definition import TASK
from stresswatch.text.normalisation import MAXIMUM_TEXT_LENGTH, TOKEN_PATTERN
from training_jobs.model.dataset import frame, labels_of
from training_jobs.model.fitting import Hyperparameters, fit_pipeline

BATCH_SIZES = (1, 100, 500, 10_000)
TEXT_LENGTHS = (400, 4_000, MAXIMUM_TEXT_LENGTH)
BASELINE_RECORDS = 30
_RECORDS_A_ROUND = 2_000
_BATCHES_A_ROUND = 200
_CHARACTERS_A_ROUND = 400_000
TIMED = ("handler", "handler_with_reasons", "scoring", "scikit_learn", "floor")
Name = tuple[str, int]
"""Key of a work: its name, and the size of its batches or the length of its texts."""


def run(rounds: int) -> dict[str, Any]:
    """Measure all works alternately."""
    data = load_posts()
    sides = split(data.posts)
    learnt, unread = sides.train, sides.evaluation
    pipeline = fit_pipeline(learnt, Hyperparameters())
    artefact = export_pipeline(pipeline)
    baseline = BaselineModel().fit(frame(learnt), labels_of(learnt))
    works = _works_on_lengths(unread) | {
        ("baseline_handler", 1): _baseline_handler(unread, baseline)
    }
    for size in BATCH_SIZES:
        works |= _works_on_batches(size, unread, pipeline, artefact)
    with handler_of(artefact):
        seconds = time_in_turns(works, rounds)
    return {
        "machine": machine(),
        "data": f"{data.name}; {len(learnt):,} to learn from, {len(unread):,} to measure on",
        "rounds": rounds,
        "artefact_bytes": len(artefact.to_bytes()),
        "baseline_handler_per_second": asdict(rate(seconds["baseline_handler", 1])),
        "by_batch": [_batch_figures(size, seconds) for size in BATCH_SIZES],
        "by_text_length": [_length_figures(length, seconds) for length in TEXT_LENGTHS],
        "cold_start": cold_starts(artefact, pipeline),
    }


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
    payloads = [payload(post) for each in batches for post in each]
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
        "floor": lambda: [
            find_tokens(json.loads(each)[TASK.fields.text].lower()) for each in payloads
        ],
    }
    return {(name, size): Work(run, len(payloads)) for name, run in runs.items()}


def _works_on_lengths(posts: list[LabelledPost]) -> dict[Name, Work]:
    """Handle texts of one length, with the same total number of characters for every length."""
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


def _baseline_handler(posts: list[LabelledPost], baseline: BaselineModel) -> Work:
    records = event_of(posts[:BASELINE_RECORDS])["Records"]
    return Work(lambda: [baseline.handle(record) for record in records], len(records))


def _batch_figures(size: int, seconds: Mapping[Name, Sequence[float]]) -> dict[str, Any]:
    handler = seconds["handler", size]
    peers = {name: seconds[name, size] for name in ("scikit_learn", "floor")}
    peers["baseline_handler"] = seconds["baseline_handler", 1]
    return {
        "batch_size": size,
        "per_second": {name: asdict(rate(seconds[name, size])) for name in TIMED},
        "handler_to": {name: asdict(speedup(handler, theirs)) for name, theirs in peers.items()},
    }


def _length_figures(length: int, seconds: Mapping[Name, Sequence[float]]) -> dict[str, Any]:
    nanoseconds = [each * 1e9 for each in seconds["characters", length]]
    return {"characters": length, "nanoseconds_per_character": asdict(Spread.of(nanoseconds))}


def show(result: dict[str, Any]) -> None:
    """Print the result as tables."""
    console = Console()
    console.print(f"{result['machine']}; {result['data']}; median of {result['rounds']} rounds")
    console.print(
        f"artefact: {result['artefact_bytes']:,} bytes; baseline handler: "
        f"{_text(result['baseline_handler_per_second'], '{:,.0f}')} records a second"
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
    peers = ("baseline_handler", "scikit_learn", "floor")
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
        table.add_column(_title(column), justify="right", overflow="fold")
    return table


def _title(name: str) -> str:
    return name.replace("_", " ").replace("scikit learn", "scikit-learn")


def _text(spread: dict[str, float], style: str) -> str:
    median, lowest, highest = (
        style.format(spread[name]) for name in ("median", "lowest", "highest")
    )
    return f"{median} ({lowest} to {highest})"
