"""Measure the drift monitor's false alarm and detection rates.

The available posts are scored out of fold, each by a model that saw no segment of it. Windows are
drawn from them:

- no drift: a random fifth of the posts is the reference, and the window comes from the others;
- shifts: the same, with a shift of the window's posts that costs 5 points of F1;
- unseen communities: a model learns from the others, whose evaluation split is the reference.

Segments of a post are drawn together. If there are fewer posts than a window needs, reference and
window are drawn independently, with replacement, from all of them. As the posts are then the
population, two draws have no drift; repeated draws from a small pool would have some. Alarms are by
a stage's defaults, and for comparison by Evidently's defaults on the same windows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.crossvalidation import folds
from benchmarks.drift import estimated_f1
from benchmarks.drift.shifts import COST, SHIFTS, grade_that_costs
from cdk_app.settings.monitoring import Monitoring
from cli.data import load_posts
from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.contracts.predictions import MONITORED_FEATURES
from stresswatch.evaluation.metrics import measure
from stresswatch.evaluation.splits import split
from stresswatch.model.artefact import Artefact
from stresswatch.model.predict import predict
from stresswatch.model.sklearn_export import export_pipeline
from stresswatch.monitoring.drift import measure_drift, numbers
from stresswatch.monitoring.drift_rules import DriftRules
from stresswatch.monitoring.statistical_tests import ColumnType, get_stattest
from training_jobs.model.dataset import labels_of
from training_jobs.model.fitting import Hyperparameters, fit_pipeline

SIZES = (300, 1_000, 5_000)
WINDOWS = 1_000
"""Windows without drift for each size; a tenth of them for each shift and community."""
REFERENCE_SHARE = 0.2
EVIDENTLY_SHARE = 0.5
"""Share of features from which Evidently calls a data set drifted."""

Posts = Sequence[LabelledPost]
Draw = Callable[[int, np.random.Generator], tuple[pd.DataFrame, pd.DataFrame]]


@dataclass(frozen=True)
class Rates:
    """Results for the windows of one kind and size.

    Attributes
    ----------
    alarms, evidently_alarms : float
        Share of windows with an alarm, and of those that Evidently's preset calls drifted.
    evidently_any_feature : float
        Share of windows with a feature that Evidently calls drifted.
    drifted : list of float
        Share of windows with zero drifted features, with one, and so on.
    features : dict of str to float
        Share of windows with drift in each feature.
    """

    windows: int
    alarms: float
    evidently_alarms: float
    evidently_any_feature: float
    drifted: list[float]
    features: dict[str, float]


def run(windows: int) -> dict[str, Any]:
    """Draw windows of every kind, and judge them."""
    data = load_posts()
    models = OutOfFold(data.posts)
    return {
        "data": data.name,
        "no_drift": no_drift(models, windows),
        "estimated_f1": estimated_f1.run(models),
        "shifts": {name: shifted(models, name, windows // 10) for name in SHIFTS},
        "communities": {
            name: community(data.posts, name, windows // 10)
            for name in sorted({one.post.source or "unknown" for one in data.posts})
        },
    }


class OutOfFold:
    """Models that together can score every post out of fold."""

    def __init__(self, posts: Posts):
        self.posts = posts
        self._models: list[Artefact] = []
        self._fold: dict[str, int] = {}
        for number, (learn, judge) in enumerate(folds(posts, seed=0)):
            self._models.append(_train([posts[row] for row in learn]))
            self._fold |= {posts[row].post.post_id: number for row in judge}

    def score(self, posts: Posts) -> pd.DataFrame:
        """Return the features of drift, the post's id and its label."""
        parts = []
        for number, model in enumerate(self._models):
            of_fold = [one for one in posts if self._fold[one.post.post_id] == number]
            parts.append(_score(of_fold, model))
        return pd.concat(parts, ignore_index=True)

    def f1(self, posts: Posts) -> float:
        table = self.score(posts)
        return measure(table["label"].to_numpy(), table["probability"].to_numpy()).f1


def no_drift(models: OutOfFold, windows: int) -> dict[int, Rates]:
    """Measure windows of unchanged posts."""
    table = models.score(models.posts)
    return _by_size(two_samples(table, table), windows)


def shifted(models: OutOfFold, name: str, windows: int) -> dict[str, Any]:
    """Measure windows of posts after a shift."""
    shift = SHIFTS[name]
    grade, cost = grade_that_costs(models.f1, models.posts, shift)
    after = models.score(shift(models.posts, grade))
    rates = _by_size(two_samples(models.score(models.posts), after), windows)
    return {"grade": grade, "f1_lost": cost, "rates": rates, "f1_of": estimated_f1.compare(after)}


def community(posts: Posts, name: str, windows: int) -> dict[str, Any]:
    """Measure windows of a community, with a model and a reference of the others."""
    others = [one for one in posts if one.post.source != name]
    sides = split(others)
    model = _train(sides.train)
    reference = _score(sides.evaluation, model)
    current = _score([one for one in posts if one.post.source == name], model)
    rates = _by_size(one_sample(current, reference), windows)
    return {"posts": len(current), "rates": rates, "f1_of": estimated_f1.compare(current)}


def two_samples(table: pd.DataFrame, shifted: pd.DataFrame) -> Draw:
    """Draw reference and window from the same posts; shift the window's."""
    ids = table["post_id"].unique()
    before, after = _rows_of(table), _rows_of(shifted)

    def draw(size: int, dice: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
        dealt = dice.permutation(ids)
        cut = int(len(ids) * REFERENCE_SHARE)
        reference, pool = dealt[:cut], dealt[cut:]
        if size > sum(len(after.get(one, ())) for one in pool):
            reference = dice.choice(ids, cut)
            pool = dice.choice(ids, size * len(ids) // max(1, len(shifted)) + size // 5)
        rows = _first(pool, after, size)
        return shifted.iloc[rows], table.iloc[_first(reference, before, len(table))]

    return draw


def one_sample(current: pd.DataFrame, reference: pd.DataFrame) -> Draw:
    """Draw only the window, with replacement if there are too few posts."""
    ids, rows = current["post_id"].unique(), _rows_of(current)

    def draw(size: int, dice: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
        order = dice.permutation(ids) if size <= len(current) else dice.choice(ids, size)
        return current.iloc[_first(order, rows, size)], reference

    return draw


def judge(draw: Draw, size: int, windows: int) -> Rates:
    """Judge windows by the defaults of a stage and of Evidently."""
    rules, dice = DriftRules(), np.random.default_rng(size)
    ours, theirs = [], []
    for _ in range(windows):
        current, reference = draw(size, dice)
        drifted = measure_drift(current, reference, rules).drifted
        ours.append([name in drifted for name in MONITORED_FEATURES])
        theirs.append([_evidently(current[name], reference[name]) for name in MONITORED_FEATURES])
    found, default = np.array(ours), np.array(theirs)
    return Rates(
        windows=windows,
        alarms=float((found.mean(axis=1) >= Monitoring().drift_share_threshold).mean()),
        evidently_alarms=float((default.mean(axis=1) >= EVIDENTLY_SHARE).mean()),
        evidently_any_feature=float(default.any(axis=1).mean()),
        drifted=(np.bincount(found.sum(axis=1), minlength=13) / windows).tolist(),
        features=dict(zip(MONITORED_FEATURES, found.mean(axis=0).tolist(), strict=True)),
    )


def _by_size(draw: Draw, windows: int) -> dict[int, Rates]:
    return {size: judge(draw, size, windows) for size in SIZES}


def _evidently(current: pd.Series[float], reference: pd.Series[float]) -> bool:
    """Judge a feature with Evidently's default method."""
    current, reference = current.dropna(), reference.dropna()
    if current.empty:
        return False
    chosen = get_stattest(reference, current, ColumnType.Numerical, None)
    with np.errstate(all="ignore"):
        return bool(chosen(reference, current, ColumnType.Numerical, None).drifted)


def _train(posts: Posts) -> Artefact:
    return export_pipeline(fit_pipeline(posts, Hyperparameters()))


def _score(posts: Posts, model: Artefact) -> pd.DataFrame:
    rows = predict([(one.post.post_id, one.post) for one in posts], model, "", "")
    table = numbers(pd.DataFrame([row.archive_row() for row in rows]))
    return table.assign(post_id=[one.post.post_id for one in posts], label=labels_of(posts))


def _rows_of(table: pd.DataFrame) -> dict[str, NDArray[np.int64]]:
    return dict(table.groupby("post_id").indices)


def _first(ids: Sequence[str], rows: dict[str, NDArray[np.int64]], size: int) -> NDArray[np.int64]:
    return np.concatenate([rows[one] for one in ids if one in rows])[:size]


def show(result: dict[str, Any]) -> None:
    """Print the result as tables."""
    console = Console()
    console.print(result["data"])
    table = Table(title="Windows without drift", title_justify="left")
    for name in ("posts", "windows", "alarms", "Evidently: half of all", "Evidently: any feature"):
        table.add_column(name, justify="right", overflow="fold")
    for size, rates in result["no_drift"].items():
        shares = (rates.alarms, rates.evidently_alarms, rates.evidently_any_feature)
        table.add_row(f"{size:,}", f"{rates.windows:,}", *(f"{share:.1%}" for share in shares))
    console.print(table)
    table = Table(
        title=f"Alarms on shifts that cost {COST * 100:.0f} points of F1, or all they can",
        title_justify="left",
    )
    _add_power_columns(table, "shift", "grade", "F1 lost")
    for name, found in result["shifts"].items():
        facts = (name, f"{found['grade']:.2f}", f"{found['f1_lost']:.3f}")
        table.add_row(*facts, *_power(found["rates"]))
    console.print(table)
    table = Table(title="Alarms on unseen communities", title_justify="left")
    _add_power_columns(table, "community", "posts", "F1")
    for name, found in result["communities"].items():
        f1 = f"{found['f1_of']['f1']:.2f}"
        table.add_row(name, str(found["posts"]), f1, *_power(found["rates"]))
    console.print(table)
    kinds = {**result["shifts"], **result["communities"]}
    f1_of_kinds = {name: found["f1_of"] for name, found in kinds.items()}
    console.print(estimated_f1.table(result["estimated_f1"] | f1_of_kinds))


def _add_power_columns(table: Table, *facts: str) -> None:
    for name in facts:
        table.add_column(name, overflow="fold")
    for size in SIZES:
        table.add_column(f"{size:,}\n(Evidently)", justify="right", overflow="fold")


def _power(rates: dict[int, Rates]) -> list[str]:
    return [f"{one.alarms:.0%}\n({one.evidently_alarms:.0%})" for one in rates.values()]
