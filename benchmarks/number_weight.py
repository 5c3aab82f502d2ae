"""Measure which number weights the training job's search chooses, and what they are worth.

``python -m benchmarks.number_weight [--draws N] [--json]`` draws training posts of each kind:
generated ones with the signal in the numbers, in the words, in both or in neither, and some of the
available posts. The chosen weight is compared with the task's on other posts by the Brier score.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits

from benchmarks.timing import machine
from cli.data import load_posts
from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.contracts.posts import NUMERIC_FEATURES, Post
from stresswatch.evaluation.metrics import measure
from stresswatch.evaluation.splits import groups
from training_jobs.model.dataset import frame, labels_of
from training_jobs.model.fitting import Hyperparameters, fit_pipeline
from training_jobs.model.search import GRID, search_number_weight

DRAWS = 8
_TASKS = Hyperparameters().number_weight
_WORDS, _LENGTH, _OTHERS = 600, 30, 1500


class Kind(NamedTuple):
    """A kind of data: the signal's strength in numbers and in words, and the training posts."""

    numbers: float
    words: float
    posts: int


GENERATED = {
    "signal in the numbers": Kind(1, 0, 500),
    "signal in the words": Kind(0, 1, 500),
    "signal in both": Kind(0.7, 0.7, 500),
    "no signal": Kind(0, 0, 500),
    "few posts, signal in the numbers": Kind(1, 0, 130),
    "few posts, signal in the words": Kind(0, 1, 130),
}
AVAILABLE = {"400 of the available posts": 400, "800 of the available posts": 800}
"""Number of independent posts."""

Posts = list[LabelledPost]


def main() -> None:
    """Run the benchmark, and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=DRAWS)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    arguments = parser.parse_args()
    data = load_posts()
    with threadpool_limits(1):  # as in the training job
        kinds = run(data.posts, arguments.draws)
    result = {"machine": machine(), "data": data.name, "draws": arguments.draws, "kinds": kinds}
    if arguments.json:
        json.dump(result, sys.stdout, indent=2)
    else:
        _show(result)


def run(posts: Sequence[LabelledPost], draws: int) -> dict[str, dict[str, Any]]:
    """Search on each kind of posts once per draw; return the means."""
    drawn: dict[str, Callable[[int], tuple[Posts, Posts]]] = {
        name: lambda seed, kind=kind: (  # type: ignore[misc]
            generate(kind, kind.posts, f"{seed}"),
            generate(kind, _OTHERS, f"others {seed}"),
        )
        for name, kind in GENERATED.items()
    }
    drawn |= {
        name: lambda seed, count=count: _deal(posts, count, seed)  # type: ignore[misc]
        for name, count in AVAILABLE.items()
    }
    return {
        name: _summary([_try(*draw(seed)) for seed in range(draws)]) for name, draw in drawn.items()
    }


def generate(kind: Kind, count: int, seed: str) -> Posts:
    """Generate posts whose label depends on two features and on the share of the first words."""
    chance = random.Random(f"{kind} {seed}")  # noqa: S311 - no secret
    posts = []
    for place in range(count):
        numbers = tuple(chance.gauss(0, 1) for _ in NUMERIC_FEATURES)
        words = chance.choices(range(_WORDS), k=_LENGTH)
        said = sum(1 if word < _WORDS / 2 else -1 for word in words) / _LENGTH**0.5
        signal = kind.numbers * sum(numbers[:2]) / 2**0.5 + kind.words * said
        text = " ".join(f"word{word}" for word in words)
        label = int(signal + chance.gauss(0, 0.5) > 0)
        posts.append(LabelledPost(Post(f"{seed}-{place}", text, numbers, None, None), label))
    return posts


def _deal(posts: Sequence[LabelledPost], count: int, seed: int) -> tuple[Posts, Posts]:
    """Draw so many groups of posts for training; return them, and all other posts."""
    names, group = np.unique(np.array(groups(posts), dtype=object), return_inverse=True)
    drawn = np.isin(group, np.random.default_rng(seed).permutation(len(names))[:count])
    learned = [one for one, is_drawn in zip(posts, drawn, strict=True) if is_drawn]
    return learned, [one for one, is_drawn in zip(posts, drawn, strict=True) if not is_drawn]


def _try(learned: Posts, others: Posts) -> dict[str, float]:
    """Return the chosen weight, and the other posts' Brier score at each weight."""
    labels, brier = labels_of(others), {}
    for weight in sorted({_TASKS, *GRID}):
        pipeline = fit_pipeline(learned, Hyperparameters(number_weight=weight))
        brier[weight] = measure(labels, pipeline.predict_proba(frame(others))[:, 1]).brier
    chosen = search_number_weight(learned, Hyperparameters(search_seconds=86_400)).number_weight
    return {
        "chosen": chosen,
        "difference": brier[chosen] - brier[_TASKS],
        "best_difference": min(brier.values()) - brier[_TASKS],
    }


def _summary(tried: Sequence[dict[str, float]]) -> dict[str, Any]:
    return {
        "chosen": dict(sorted(Counter(one["chosen"] for one in tried).items())),
        "difference": float(np.mean([one["difference"] for one in tried])),
        "best_difference": float(np.mean([one["best_difference"] for one in tried])),
    }


def _show(result: dict[str, Any]) -> None:
    title = f"Number weights, {result['draws']} draws; available are {result['data']}"
    table = Table(title=title, title_justify="left")
    for name in ("training posts", "chosen", "Brier score", "Brier score of the best"):
        table.add_column(name, overflow="fold")
    for name, found in result["kinds"].items():
        chosen = ", ".join(f"{weight:g}: {count}" for weight, count in found["chosen"].items())
        table.add_row(
            name, chosen, f"{found['difference']:+.4f}", f"{found['best_difference']:+.4f}"
        )
    console = Console()
    console.print(result["machine"], table)


if __name__ == "__main__":
    main()
