"""Measure how often the gate accepts each kind of challenger.

``python -m benchmarks.gate [--draws N] [--json]`` splits the available posts at random for each
draw. A champion learns from base posts; new posts are from unseen communities, or from its own.
Challengers are honest, learned from less, or were poisoned. The split into training and evaluation
posts is random too, and the gate's rules are a stage's defaults.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rich.console import Console
from rich.table import Table

from cli.data import load_posts
from cli.data.synthetic import NEWCOMERS
from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.evaluation.splits import split
from stresswatch.model.sklearn_export import export_pipeline
from stresswatch.retraining.contenders import Contender
from stresswatch.retraining.gate import decide
from stresswatch.retraining.gate_rules import GateRules
from stresswatch.text.wording import counted
from training_jobs.model.fitting import Hyperparameters, fit_pipeline

DRAWS = 20
LABELLED_AT = "2026-01-01T00:00:00Z"

Posts = list[LabelledPost]


@dataclass
class Tally:
    """Results for one kind of challenger.

    Attributes
    ----------
    failed : counter of str
        Number of failures by check.
    """

    accepted: int = 0
    failed: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Draw:
    """Posts of a draw: the champion's training posts, and newly labelled posts."""

    base: Posts
    drifted: Posts
    alike: Posts


def main() -> None:
    """Run the benchmark, and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=DRAWS)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    arguments = parser.parse_args()
    if arguments.draws < 1:
        parser.error("--draws must be at least 1")
    data = load_posts()
    tallies = judge(data.posts, arguments.draws)
    if arguments.json:
        json.dump(_record(data.name, arguments.draws, tallies), sys.stdout, indent=2)
    else:
        _show(data.name, arguments.draws, tallies)


def judge(posts: Sequence[LabelledPost], draws: int) -> dict[str, Tally]:
    """Judge each of `CHALLENGERS` once per draw."""
    tallies = {name: Tally() for name in CHALLENGERS}
    for seed in range(draws):
        draw = deal(posts, seed)
        champion = _train(draw.base)
        for name, make in CHALLENGERS.items():
            learned, seen = make(draw)
            verdict = decide(replace(_train(learned), posts=seen), champion, GateRules())
            tallies[name].accepted += verdict.accepted
            tallies[name].failed.update(check.name for check in verdict.checks if not check.passed)
    return tallies


def deal(posts: Sequence[LabelledPost], seed: int) -> Draw:
    """Split posts at random. New ids change the evaluation split each time."""
    renamed = [
        replace(one, post=one.post._replace(post_id=f"{seed}-{one.post.post_id}")) for one in posts
    ]
    draw = Draw([], [], [])
    for one in renamed:
        share = _share(one.post.post_id, "deal")
        if one.post.source in NEWCOMERS:
            if share < 0.6:
                draw.drifted.append(replace(one, labelled_at=LABELLED_AT))
        elif share < 0.7:
            draw.base.append(one)
        else:
            draw.alike.append(replace(one, labelled_at=LABELLED_AT))
    return draw


def _train(posts: Posts) -> Contender:
    learned = split(posts).train
    return Contender(export_pipeline(fit_pipeline(learned, Hyperparameters())), posts)


def _both(posts: Posts) -> tuple[Posts, Posts]:
    return posts, posts


def _some(posts: Posts, share: float) -> Posts:
    return [one for one in posts if _share(one.post.post_id, "some") < share]


def _flip(posts: Posts, share: float) -> Posts:
    return [
        replace(one, label=1 - one.label) if _share(one.post.post_id, "flip") < share else one
        for one in posts
    ]


def _guess(posts: Posts) -> Posts:
    return [replace(one, label=int(_share(one.post.post_id, "guess") < 0.5)) for one in posts]


def _share(post_id: str, purpose: str) -> float:
    digest = hashlib.sha256(f"{purpose} {post_id}".encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64


CHALLENGERS: dict[str, Callable[[Draw], tuple[Posts, Posts]]] = {
    "learned the drifted posts": lambda draw: _both(draw.base + draw.drifted),
    "learned more posts of the same kind": lambda draw: _both(draw.base + draw.alike),
    "learned nothing new": lambda draw: (draw.base, draw.base + draw.alike),
    "learned from half of the base": lambda draw: (
        _some(draw.base, 0.5) + draw.drifted,
        draw.base + draw.drifted,
    ),
    "a tenth of all labels flipped": lambda draw: (
        _flip(draw.base + draw.drifted, 0.1),
        draw.base + draw.drifted,
    ),
    "a quarter of all labels flipped": lambda draw: (
        _flip(draw.base + draw.drifted, 0.25),
        draw.base + draw.drifted,
    ),
    "all new labels flipped, also in the holdout": lambda draw: _both(
        draw.base + _flip(draw.drifted, 1.0)
    ),
    "all new labels at random, also in the holdout": lambda draw: _both(
        draw.base + _guess(draw.drifted)
    ),
    "all labels flipped": lambda draw: (
        _flip(draw.base + draw.drifted, 1.0),
        draw.base + draw.drifted,
    ),
}
"""Each challenger's training posts, and the training set for its evaluation."""


def _record(data: str, draws: int, tallies: dict[str, Tally]) -> dict[str, Any]:
    return {
        "data": data,
        "draws": draws,
        "challengers": {
            name: {"accepted": tally.accepted, "failed": dict(tally.failed.most_common())}
            for name, tally in tallies.items()
        },
    }


def _show(data: str, draws: int, tallies: dict[str, Tally]) -> None:
    table = Table(title=f"The gate, {counted(draws, 'draw')} of {data}", title_justify="left")
    table.add_column("challenger", overflow="fold")
    table.add_column("accepted", justify="right", overflow="fold")
    table.add_column("checks that failed, and how often", overflow="fold")
    for name, tally in tallies.items():
        failed = "; ".join(f"{check} {count}" for check, count in tally.failed.most_common(5))
        table.add_row(name, f"{tally.accepted} of {draws}", failed)
    Console().print(table)


if __name__ == "__main__":
    main()
