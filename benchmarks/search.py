"""Search for a better model pipeline, and measure each part of the shipped one.

``python -m benchmarks.search [--trials N] [--json]`` tries model pipelines on the available posts,
each measured out of fold, grouped by post, over two seeds; `Optuna <https://optuna.org>`_ chooses
the next by the Brier score. The best is then compared with the shipped pipeline over new seeds, and
so is the shipped pipeline with one part changed at a time. MLflow records every trial: on this
machine, or at ``MLFLOW_TRACKING_URI``.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np
import optuna
from rich.console import Console
from rich.table import Table
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import Pipeline

from benchmarks.crossvalidation import FOLDS, Fit, Predict, folds, out_of_fold
from benchmarks.timing import machine
from cli.data import load_posts
from cli.deployment.target import local_tracking_uri
from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.evaluation.metrics import METRICS, measure
from stresswatch.task.definition import TASK
from stresswatch.text.normalisation import TOKEN_PATTERN
from training_jobs.model.dataset import frame, labels_of, weighted
from training_jobs.model.fitting import Hyperparameters, build_pipeline
from training_jobs.model.tracking import Tracker

EXPERIMENT = f"{TASK.name}-search"
SEARCH_SEEDS = range(2)
FRESH_SEEDS = range(100, 105)
_WORDS = r"\w+(?:'\w+)?"
_SHIPPED = Hyperparameters()


@dataclass(frozen=True)
class Candidate:
    """A model pipeline for the search; by default the shipped one.

    Attributes
    ----------
    pairs, punctuation, characters, lexicons : bool
        Whether pairs of tokens, punctuation tokens, `char_wb` 2- to 5-grams, and the lexicons'
        shares are features.
    weighs_confidence : bool
        Whether a label is weighted by its confidence.
    """

    minimum_document_frequency: int = _SHIPPED.minimum_document_frequency
    inverse_regularisation: float = _SHIPPED.inverse_regularisation
    number_weight: float = _SHIPPED.number_weight
    pairs: bool = True
    punctuation: bool = True
    characters: bool = False
    lexicons: bool = True
    weighs_confidence: bool = True

    @staticmethod
    def suggested(trial: optuna.Trial) -> Candidate:
        """Let the search choose each part."""
        parts = ("pairs", "punctuation", "characters", "lexicons", "weighs_confidence")
        return Candidate(
            trial.suggest_int("minimum_document_frequency", 1, 5),
            trial.suggest_float("inverse_regularisation", 0.5, 30, log=True),
            trial.suggest_float("number_weight", 0.005, 1, log=True),
            *(trial.suggest_categorical(part, [False, True]) for part in parts),
        )

    def build(self) -> Pipeline:
        """Build the pipeline, not fitted."""
        names = {field.name for field in fields(Hyperparameters)}
        given = {name: value for name, value in asdict(self).items() if name in names}
        pipeline = build_pipeline(TASK, Hyperparameters(**given)).set_params(
            features__terms__ngram_range=(1, 2 if self.pairs else 1),
            features__terms__token_pattern=TOKEN_PATTERN if self.punctuation else _WORDS,
        )
        if not self.lexicons:
            pipeline.set_params(features__lexicons="drop")
        if self.characters:
            n_grams = TfidfVectorizer(
                analyzer="char_wb", ngram_range=(2, 5), min_df=2, sublinear_tf=True
            )
            pipeline.named_steps["features"].transformers.append(("characters", n_grams, "text"))
        return pipeline

    def fit(self, posts: Sequence[LabelledPost]) -> Predict:
        """Fit the pipeline to labelled posts, without those whose label has confidence 0."""
        posts = weighted(posts)
        weights = [post.confidence if self.weighs_confidence else 1.0 for post in posts]
        fitted = self.build().fit(frame(posts), labels_of(posts), classifier__sample_weight=weights)
        return lambda others: fitted.predict_proba(frame(others))[:, 1]


SHIPPED = Candidate()
VARIANTS = {
    "with character n-grams": replace(SHIPPED, characters=True),
    "without pairs of tokens": replace(SHIPPED, pairs=False),
    "without punctuation": replace(SHIPPED, punctuation=False),
    "without lexicons": replace(SHIPPED, lexicons=False),
    "numbers and lexicons at full weight": replace(SHIPPED, number_weight=1.0),
    "every label of the same weight": replace(SHIPPED, weighs_confidence=False),
}


def main() -> None:
    """Search, compare, and print both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    arguments = parser.parse_args()
    data = load_posts()
    trials = search(data.posts, arguments.trials, Tracker(local_tracking_uri(), EXPERIMENT))
    best = Candidate(**min(trials, key=lambda trial: trial["brier"])["candidate"])
    rivals = VARIANTS if best == SHIPPED else {"best of the search": best, **VARIANTS}
    result = {
        "machine": machine(),
        "data": data.name,
        "trials": trials,
        "against_shipped": {
            name: compare(rival.fit, SHIPPED.fit, data.posts) for name, rival in rivals.items()
        },
    }
    if arguments.json:
        json.dump(result, sys.stdout, indent=2)
    else:
        _show(result)


def search(posts: Sequence[LabelledPost], trials: int, tracker: Tracker) -> list[dict[str, Any]]:
    """Try model pipelines, the shipped one first; return each with its metrics, in order."""
    tried = []

    def objective(trial: optuna.Trial) -> float:
        candidate = Candidate.suggested(trial)
        with tracker.run(f"trial-{trial.number}") as run:
            run.log(parameters=asdict(candidate), tags={"posts": str(len(posts))})
            metrics = _mean_metrics(candidate.fit, posts)
            run.log(metrics=metrics)
        tried.append({"candidate": asdict(candidate), **metrics})
        return metrics["brier"]

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=_SHIPPED.seed))
    study.enqueue_trial(asdict(SHIPPED))
    study.optimize(objective, n_trials=trials)
    return tried


def compare(
    rival: Fit, shipped: Fit, posts: Sequence[LabelledPost], seeds: Sequence[int] = FRESH_SEEDS
) -> dict[str, tuple[float, float]]:
    """Return the mean difference of each metric, fold by fold, and its standard error.

    The folds of one seed share their training posts, so their differences are not independent:
    the variance is corrected for it (Nadeau and Bengio, 2003).
    """
    differences = []
    for seed in seeds:
        for learn, judge in folds(posts, seed):
            train, test = ([posts[row] for row in rows.tolist()] for rows in (learn, judge))
            labels = labels_of(test)
            ours, theirs = (measure(labels, fit(train)(test)).as_dict() for fit in (shipped, rival))
            differences.append([theirs[name] - ours[name] for name in METRICS])  # type: ignore[operator]
    table = np.array(differences)
    correction = 1 / len(table) + 1 / (FOLDS - 1)
    errors = np.sqrt(table.var(axis=0, ddof=1) * correction)
    return dict(
        zip(METRICS, zip(table.mean(axis=0).tolist(), errors.tolist(), strict=True), strict=True)
    )


def _mean_metrics(fit: Fit, posts: Sequence[LabelledPost]) -> dict[str, float]:
    labels = labels_of(posts)
    runs = [measure(labels, run).as_dict() for run in out_of_fold(fit, posts, SEARCH_SEEDS)]
    return {name: float(np.mean([run[name] for run in runs])) for name in METRICS}  # type: ignore[arg-type]


def _show(result: Mapping[str, Any]) -> None:
    console = Console()
    console.print(f"{result['machine']}\n{result['data']}; {len(result['trials'])} trials")
    table = Table(title="The ten best trials", title_justify="left")
    names = ("f1", "roc_auc", "brier", "calibration_error")
    for name in (*(field.name for field in fields(Candidate)), *names):
        table.add_column(name.replace("_", " "), justify="right", overflow="fold")
    for trial in sorted(result["trials"], key=lambda trial: trial["brier"])[:10]:
        parts = (_cell(value) for value in trial["candidate"].values())
        table.add_row(*parts, *(f"{trial[name]:.4f}" for name in names))
    console.print(table)
    if "best of the search" not in result["against_shipped"]:
        console.print("No trial was better than the shipped model pipeline, which was the first.")
    title = "Difference from the shipped model pipeline on new seeds, with standard error"
    table = Table(title=title, title_justify="left")
    table.add_column("pipeline", overflow="fold")
    for name in names:
        table.add_column(name.replace("_", " "), justify="right", overflow="fold")
    for pipeline, found in result["against_shipped"].items():
        table.add_row(
            pipeline, *(f"{found[name][0]:+.4f} ± {found[name][1]:.4f}" for name in names)
        )
    console.print(table)


def _cell(value: float | bool) -> str:
    return ("no", "yes")[value] if isinstance(value, bool) else f"{value:.3g}"


if __name__ == "__main__":
    main()
