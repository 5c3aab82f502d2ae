"""The handler's time with and without a challenger beside the champion."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.predictor.handlers import event_of, handle, handler_of
from benchmarks.timing import Spread, Work, machine, speedup, time_in_turns
from cli.data import load_posts
from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.evaluation.splits import split
from stresswatch.model.artefact import Artefact
from stresswatch.model.sklearn_export import export_pipeline
from training_jobs.model.fitting import Hyperparameters, fit_pipeline

BATCH_SIZES = (1, 10, 100, 500)
_RECORDS_A_ROUND = 1_000


def run(rounds: int) -> dict[str, Any]:
    """Measure batches of each size."""
    data = load_posts()
    learnt = split(data.posts).train
    champion, challenger = (
        export_pipeline(fit_pipeline(learnt[place::2], Hyperparameters())) for place in (0, 1)
    )
    rows = [measure(size, data.posts, champion, challenger, rounds) for size in BATCH_SIZES]
    return {"machine": machine(), "data": data.name, "rounds": rounds, "rows": rows}


def measure(
    size: int,
    posts: Sequence[LabelledPost],
    champion: Artefact,
    challenger: Artefact,
    rounds: int,
) -> dict[str, Any]:
    """Time batches of a size with and without the challenger, alternately."""
    endless = itertools.cycle(posts)
    events = [
        event_of(list(itertools.islice(endless, size)))
        for _ in range(max(1, _RECORDS_A_ROUND // size))
    ]

    def handled(beside: Artefact | None) -> Callable[[], object]:
        def run() -> None:
            with handler_of(champion, beside):
                handle(events)()

        return run

    records = size * len(events)
    seconds = time_in_turns(
        {"alone": Work(handled(None), records), "beside": Work(handled(challenger), records)},
        rounds,
    )
    microseconds = {name: Spread.of([each * 1e6 for each in seconds[name]]) for name in seconds}
    return {
        "batch_size": size,
        "microseconds_a_record": {name: asdict(spread) for name, spread in microseconds.items()},
        "times_as_long": asdict(speedup(ours=seconds["alone"], theirs=seconds["beside"])),
    }


def show(result: dict[str, Any]) -> None:
    """Print the result as a table."""
    console = Console()
    console.print(f"{result['machine']}; {result['data']}; median of {result['rounds']} rounds")
    table = Table(title="Processor time of the handler", title_justify="left")
    for column in ("batch", "alone, µs a record", "with a challenger", "times as long"):
        table.add_column(column, justify="right", overflow="fold")
    for row in result["rows"]:
        spent, ratio = row["microseconds_a_record"], row["times_as_long"]
        table.add_row(
            f"{row['batch_size']:,}",
            *(f"{spent[name]['median']:.0f}" for name in ("alone", "beside")),
            f"{ratio['median']:.2f} ({ratio['lowest']:.2f} to {ratio['highest']:.2f})",
        )
    console.print(table)
