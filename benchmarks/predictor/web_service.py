"""The web service's response time, warm and cold, compared with direct calls of the scorer.

A round requests each batch size in turn. A cold start is a whole process that imports the function,
loads the model and answers once. The times of gateway and network are not included.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.timing import Spread, Work, machine, speedup, time_in_turns
from cli.data import load_posts
from lambdas.api import handler as api
from stresswatch.contracts.posts import Post, post_record
from stresswatch.contracts.reasons import ReasonsPolicy
from stresswatch.evaluation.splits import split
from stresswatch.model.artefact import Artefact
from stresswatch.model.sklearn_export import export_pipeline
from stresswatch.versions.champion import ChampionCache, Pointer, ServedModel
from training_jobs.model.fitting import Hyperparameters, fit_pipeline
from verification.lambda_context import CONTEXT

BATCH_SIZES = (1, 10, 100)
_REQUESTS_A_ROUND = 20
_COLD_STARTS = 7


def run(rounds: int) -> dict[str, Any]:
    """Measure requests of each size, and starts."""
    data = load_posts()
    sides = split(data.posts)
    asked = [one.post for one in sides.evaluation]
    artefact = export_pipeline(fit_pipeline(sides.train, Hyperparameters()))
    with served(artefact):
        warm = measure_warm(artefact, asked, rounds)
    return {
        "machine": machine(),
        "data": f"{data.name}; {len(sides.train):,} to learn from, {len(asked):,} to ask for",
        "rounds": rounds,
        "warm": warm,
        "cold": measure_cold(artefact, asked[0]),
    }


@contextlib.contextmanager
def served(artefact: Artefact) -> Iterator[None]:
    """Let the function serve a local model, without a log."""
    model = ServedModel(Pointer("v1", "s3://models/models/v1/", "0" * 64), artefact)
    champion = ChampionCache(
        lambda: model.pointer, lambda _: model, ttl_seconds=3600, on_load_failure=lambda _: None
    )
    stubbed = SimpleNamespace(stage="dev", champion=champion, explains=ReasonsPolicy.ON_REQUEST)
    with (
        patch.object(api, "service", lambda: stubbed),
        Path(os.devnull).open("w") as nowhere,
        contextlib.redirect_stdout(nowhere),
    ):
        for log_handler in api.logger.handlers:
            log_handler.setStream(nowhere)  # type: ignore[attr-defined]
        yield


def answer(event: dict[str, Any]) -> None:
    """Let the function answer a valid request."""
    answered = api.handler(event, CONTEXT)
    if answered["statusCode"] != 200:
        raise RuntimeError(f"the request was answered with {answered['statusCode']}")


def measure_warm(artefact: Artefact, posts: Sequence[Post], rounds: int) -> list[dict[str, Any]]:
    """Time single requests of each size of batch, and scoring the same posts directly."""
    seconds: dict[tuple[str, int], list[list[float]]] = {}
    for place in range(-1, rounds):  # the first round is not counted
        for size in BATCH_SIZES:
            for name, runs in _works(artefact, posts, size).items():
                timed = [_time(run) for run in runs]
                if place >= 0:
                    seconds.setdefault((name, size), []).append(timed)
    return [
        _figures(size, seconds["service", size], seconds["scorer", size]) for size in BATCH_SIZES
    ]


def _works(
    artefact: Artefact, posts: Sequence[Post], size: int
) -> dict[str, list[Callable[[], object]]]:
    batches = [
        [posts[(at * size + place) % len(posts)] for place in range(size)]
        for at in range(_REQUESTS_A_ROUND)
    ]
    inputs = [
        ([one.text for one in batch], np.array([one.numbers for one in batch])) for batch in batches
    ]
    return {
        "service": [partial(answer, _event(batch)) for batch in batches],
        "scorer": [partial(artefact.score, *each) for each in inputs],
    }


def _time(run: Callable[[], object]) -> float:
    started = time.process_time()
    run()
    return time.process_time() - started


def _figures(
    size: int, service: Sequence[Sequence[float]], scorer: Sequence[Sequence[float]]
) -> dict[str, Any]:
    milliseconds = [each * 1000 for timed in service for each in timed]
    ratios = speedup(
        ours=[statistics.median(timed) for timed in scorer],
        theirs=[statistics.median(timed) for timed in service],
    )
    return {
        "posts": size,
        "p50_ms": statistics.median(milliseconds),
        "p95_ms": statistics.quantiles(milliseconds, n=20)[-1],
        "times_the_scorer": asdict(ratios),
    }


def _event(posts: Sequence[Post]) -> dict[str, Any]:
    records = [post_record(one) for one in posts]
    return {
        "version": "2.0",
        "routeKey": "POST /predict",
        "rawPath": "/predict",
        "rawQueryString": "",
        "headers": {"content-type": "application/json"},
        "requestContext": {
            "http": {"method": "POST", "path": "/predict"},
            "requestId": "request",
            "stage": "$default",
        },
        "isBase64Encoded": False,
        "body": json.dumps(records[0] if len(records) == 1 else records),
    }


_COLD_PREDICTOR = """
import numpy
from lambdas.predictor import handler
from stresswatch.model.artefact import Artefact
artefact = Artefact.from_bytes(open({model!r}, "rb").read())
artefact.score(["I cannot sleep"], numpy.zeros((1, len(artefact.numeric_features))))
"""
_COLD_SERVICE = """
import json
from types import SimpleNamespace
from lambdas.api import handler as api
from stresswatch.model.artefact import Artefact
from stresswatch.versions.champion import Pointer, ServedModel
from stresswatch.contracts.reasons import ReasonsPolicy
artefact = Artefact.from_bytes(open({model!r}, "rb").read())
served = ServedModel(Pointer("v1", "s3://models/models/v1/", ""), artefact)
api.service = lambda: SimpleNamespace(
    stage="dev",
    champion=SimpleNamespace(current=lambda: served),
    explains=ReasonsPolicy.NEVER,
)
context = SimpleNamespace(
    function_name="f", memory_limit_in_mb=1, invoked_function_arn="a", aws_request_id="r"
)
assert api.handler(json.load(open({event!r})), context)["statusCode"] == 200
"""


def measure_cold(artefact: Artefact, post: Post) -> dict[str, Any]:
    """Time whole processes that import a function, load the model and score one post."""
    with tempfile.TemporaryDirectory() as folder:
        model, event = Path(folder) / "model.npz", Path(folder) / "event.json"
        model.write_bytes(artefact.to_bytes())
        event.write_text(json.dumps(_event([post])))
        codes = {
            "service": _COLD_SERVICE.format(model=str(model), event=str(event)),
            "predictor": _COLD_PREDICTOR.format(model=str(model)),
        }
        works = {name: Work(_process(code)) for name, code in codes.items()}
        seconds = time_in_turns(works, _COLD_STARTS, clock=_children_seconds)
    return {
        **{name: asdict(Spread.of(each)) for name, each in seconds.items()},
        "times_the_predictor": asdict(
            speedup(ours=seconds["predictor"], theirs=seconds["service"])
        ),
    }


def _process(code: str) -> Callable[[], None]:
    def run() -> None:
        subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)  # noqa: S603

    return run


def _children_seconds() -> float:
    """Return the processor time of the processes that ended."""
    times = os.times()
    return times.children_user + times.children_system


def show(result: dict[str, Any]) -> None:
    """Print the result as a table."""
    console = Console()
    console.print(f"{result['machine']}; {result['data']}; {result['rounds']} rounds")
    table = Table(title="Warm, milliseconds a request", title_justify="left")
    for column in ("posts", "p50", "p95", "times the scorer"):
        table.add_column(column, justify="right", overflow="fold")
    for row in result["warm"]:
        table.add_row(
            str(row["posts"]),
            f"{row['p50_ms']:.2f}",
            f"{row['p95_ms']:.2f}",
            _text(row["times_the_scorer"]),
        )
    console.print(table)
    for name, spread in result["cold"].items():
        console.print(f"cold, {name.replace('_', ' ')}: {_text(spread)}")


def _text(spread: dict[str, float]) -> str:
    return f"{spread['median']:.2f} ({spread['lowest']:.2f} to {spread['highest']:.2f})"
