"""How much better or worse another pipeline of the training job is than the default.

``python -m benchmarks.pipelines NAME [--seeds N] [--json]`` measures both out of fold on the posts
at hand: five folds that keep the segments and copies of a post together, once a seed. Both learn
from the same posts and are judged by the same posts, so that their differences are paired.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.stats import t

from benchmarks.crossvalidation import FOLDS, folds
from cli.data import load_posts
from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.evaluation.metrics import Quality, measure
from training_jobs.model.dataset import frame, labels_of
from training_jobs.model.fitting import Hyperparameters, fit_pipeline
from training_jobs.model.pipelines import DEFAULT, PIPELINES
from training_jobs.model.sentence_embeddings import each_text_once

METRICS = ("f1", "roc_auc", "brier")


def main() -> None:
    """Run the benchmark, and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pipeline", choices=[name for name in PIPELINES if name != DEFAULT])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    arguments = parser.parse_args()
    data = load_posts()
    with each_text_once():
        metrics = compare(arguments.pipeline, data.posts, arguments.seeds)
    result = {
        "data": data.name,
        "test": f"out of fold, {FOLDS} folds, {arguments.seeds} seeds",
        "pipelines": [DEFAULT, arguments.pipeline],
        "metrics": metrics,
    }
    if arguments.json:
        json.dump(result, sys.stdout, indent=2)
    else:
        _show(result)


def compare(pipeline: str, posts: Sequence[LabelledPost], seeds: int) -> dict[str, Any]:
    """Return the means of each metric over all folds, and the interval of their difference."""
    qualities = np.array(
        [
            [_metrics(_fit_and_judge(name, posts, *fold)) for name in (DEFAULT, pipeline)]
            for seed in range(seeds)
            for fold in folds(posts, seed)
        ]
    )  # of shape (n_folds, 2, n_metrics)
    means = qualities.mean(axis=0).T.tolist()
    differences = (qualities[:, 1] - qualities[:, 0]).T
    return {
        metric: {"means": mean, "difference": float(each.mean()), "interval": interval(each)}
        for metric, mean, each in zip(METRICS, means, differences, strict=True)
    }


def interval(differences: np.ndarray, confidence: float = 0.95) -> tuple[float, float]:
    r"""Return the interval of the mean difference over repeated folds, by the corrected t test.

    .. math:: \bar d \pm t_{J - 1} \sqrt{\left(\frac{1}{J} + \frac{n_2}{n_1}\right) s^2}

    The :math:`J` folds share most posts to learn from, which :math:`n_2 / n_1`, posts to judge by
    for each to learn from, makes up for. Nadeau and Bengio, "Inference for the generalization
    error", 2003; for repeated folds Bouckaert and Frank, 2004.

    Parameters
    ----------
    differences : ndarray of shape (n_folds,)
        Of all repetitions.
    """
    n_folds = len(differences)
    deviation = np.sqrt((1 / n_folds + 1 / (FOLDS - 1)) * differences.var(ddof=1))
    half = t.ppf((1 + confidence) / 2, n_folds - 1) * deviation
    return float(differences.mean() - half), float(differences.mean() + half)


def _fit_and_judge(
    name: str, posts: Sequence[LabelledPost], learn: np.ndarray, judge: np.ndarray
) -> Quality:
    fitted = fit_pipeline([posts[row] for row in learn], Hyperparameters(pipeline=name))
    judged = [posts[row] for row in judge]
    return measure(labels_of(judged), fitted.predict_proba(frame(judged))[:, 1])


def _metrics(quality: Quality) -> list[Any]:
    return [getattr(quality, metric) for metric in METRICS]


def _show(result: dict[str, Any]) -> None:
    console = Console()
    console.print(f"{result['data']}; {result['test']}")
    table = Table(title="Mean over folds, and the paired difference with its 95 % interval")
    for column in ("metric", *result["pipelines"], "difference", "interval"):
        table.add_column(column, justify="right", overflow="fold")
    for metric, found in result["metrics"].items():
        low, high = found["interval"]
        table.add_row(
            metric.replace("_", " "),
            *(f"{mean:.3f}" for mean in found["means"]),
            f"{found['difference']:+.4f}",
            f"{low:+.4f} to {high:+.4f}",
        )
    console.print(table)


if __name__ == "__main__":
    main()
