"""Measure the model's quality, compared with a baseline, text alone and numeric features alone.

``python -m benchmarks.quality [--train FILE [--test FILE]] [--json]`` trains each model pipeline on
one file of labelled posts and measures it on the other. Without ``--test`` it measures out of fold:
five folds that keep the segments and copies of a post together, over five seeds. Without
``--train`` it uses the available posts. At the end it flips a twentieth of the labels, and counts
how many of these look wrong.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table
from sklearn.pipeline import Pipeline

from benchmarks.baseline import BaselineModel
from benchmarks.crossvalidation import FOLDS, Fit, Predict, Probability, out_of_fold
from benchmarks.timing import machine
from cli.data import load_posts, read_posts
from cli.errors import OperatorError
from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.contracts.posts import NUMERIC_FEATURES
from stresswatch.evaluation.metrics import METRICS, bootstrap_intervals, measure
from stresswatch.evaluation.splits import groups
from training_jobs.model.dataset import frame, labels_of
from training_jobs.model.fitting import Hyperparameters, fit_pipeline
from training_jobs.model.search import search_number_weight
from training_jobs.model.suspicious_labels import look_wrong
from training_jobs.model.suspicious_labels import out_of_fold as beside

SEEDS = 5
TURNED = 0.05
"""Share of labels to flip, and then to find."""


def main() -> None:
    """Run the benchmark, and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", type=Path)
    parser.add_argument("--test", type=Path)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    arguments = parser.parse_args()
    if arguments.test and not arguments.train:
        parser.error("--test needs --train")
    try:
        if arguments.train:
            name, posts = str(arguments.train), read_posts(arguments.train)
        else:
            data = load_posts()
            name, posts = data.name, data.posts
        test = read_posts(arguments.test) if arguments.test else None
    except OperatorError as error:
        parser.error(str(error))
    result = {
        "machine": machine(),
        "train": name,
        "test": str(arguments.test) if test else f"out of fold, {FOLDS} folds, {SEEDS} seeds",
        "pipelines": {
            pipeline: _on_test(fit, posts, test)
            if test
            else _report(out_of_fold(fit, posts, range(SEEDS)), posts)
            for pipeline, fit in PIPELINES.items()
        },
        "suspicious_labels": _suspicious_labels(posts),
    }
    if arguments.json:
        json.dump(result, sys.stdout, indent=2)
    else:
        _show(result)


def _pipeline(**changed: object) -> Fit:
    def fit(posts: Sequence[LabelledPost]) -> Predict:
        fitted = fit_pipeline(posts, Hyperparameters(), **changed)
        return lambda others: fitted.predict_proba(frame(others))[:, 1]

    return fit


def _as_trained(posts: Sequence[LabelledPost]) -> Pipeline:
    hyperparameters = Hyperparameters()
    found = search_number_weight(posts, hyperparameters)
    return fit_pipeline(posts, replace(hyperparameters, number_weight=found.number_weight))


def _shipped(posts: Sequence[LabelledPost]) -> Predict:
    fitted = _as_trained(posts)
    return lambda others: fitted.predict_proba(frame(others))[:, 1]


def _without_numbers(posts: Sequence[LabelledPost]) -> Predict:
    fitted = _as_trained(posts)
    gaps = dict.fromkeys(NUMERIC_FEATURES, np.nan)
    return lambda others: fitted.predict_proba(frame(others).assign(**gaps))[:, 1]


def _baseline(posts: Sequence[LabelledPost]) -> Predict:
    fitted = BaselineModel().fit(frame(posts), labels_of(posts))
    return lambda others: fitted.predict_proba(frame(others))[:, 1]


PIPELINES: dict[str, Fit] = {
    "shipped": _shipped,
    "shipped, without a search": _pipeline(),
    "shipped, posts without numeric features": _without_numbers,
    "baseline": _baseline,
    "text only": _pipeline(features__numbers="drop"),
    "numeric features only": _pipeline(features__terms="drop", features__lexicons="drop"),
}


def _on_test(fit: Fit, train: Sequence[LabelledPost], test: Sequence[LabelledPost]) -> Any:
    return _report([fit(train)(test)], test)


def _report(runs: list[Probability], posts: Sequence[LabelledPost]) -> dict[str, Any]:
    """Return the mean of each metric over the runs, and a 95 % interval of the first run."""
    labels = labels_of(posts)
    values = pd.DataFrame([measure(labels, probability).as_dict() for probability in runs])
    intervals = bootstrap_intervals(labels, runs[0], groups(posts))
    sources = np.array([labelled.post.source or "unknown" for labelled in posts])
    return {
        "metrics": {
            name: {
                "value": float(values[name].mean()),
                "low": intervals[name][0],
                "high": intervals[name][1],
                "deviation_over_seeds": float(values[name].std(ddof=0)),
            }
            for name in METRICS
        },
        "f1_by_community": {
            source: float(
                np.mean(
                    [measure(labels[sources == source], run[sources == source]).f1 for run in runs]
                )
            )
            for source in sorted(set(sources.tolist()))
        },
    }


def _suspicious_labels(posts: Sequence[LabelledPost]) -> dict[str, float]:
    """Return the shares of all labels, and of flipped labels, that look wrong."""
    shares = []
    for seed in range(SEEDS):
        turned = np.random.default_rng(seed).random(len(posts)) < TURNED
        noisy = [
            replace(one, label=1 - one.label) if is_turned else one
            for one, is_turned in zip(posts, turned.tolist(), strict=True)
        ]
        probability = beside(noisy, fit_pipeline(noisy, Hyperparameters()))
        wrong = look_wrong(labels_of(noisy), probability)
        shares.append((wrong.mean(), wrong[turned].mean(), wrong[~turned].mean()))
    names = ("of_all", "of_flipped", "of_others")
    return dict(zip(names, np.mean(shares, axis=0).tolist(), strict=True))


def _show(result: dict[str, Any]) -> None:
    console = Console()
    console.print(f"{result['machine']}\ntrained on {result['train']}; measured {result['test']}")
    table = Table(title="Value and 95 % interval, grouped by post", title_justify="left")
    table.add_column("pipeline", overflow="fold")
    for name in METRICS:
        table.add_column(name.replace("_", " "), justify="right", overflow="fold")
    for pipeline, report in result["pipelines"].items():
        cells = (report["metrics"][name] for name in METRICS)
        table.add_row(
            pipeline,
            *(f"{one['value']:.3f}\n{one['low']:.3f} to\n{one['high']:.3f}" for one in cells),
        )
    console.print(table)
    table = Table(title="F1 by community", title_justify="left")
    table.add_column("community", overflow="fold")
    for pipeline in result["pipelines"]:
        table.add_column(pipeline, justify="right", overflow="fold")
    for community in result["pipelines"]["shipped"]["f1_by_community"]:
        figures = (report["f1_by_community"][community] for report in result["pipelines"].values())
        table.add_row(community, *(f"{figure:.3f}" for figure in figures))
    console.print(table)
    shares = result["suspicious_labels"]
    console.print(
        f"Of flipped labels, {shares['of_flipped']:.1%} look wrong, of the "
        f"others {shares['of_others']:.1%}."
    )


if __name__ == "__main__":
    main()
