"""Measure the error of F1 as estimated without labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import pandas as pd
from rich.table import Table

from benchmarks.drift.shifts import Posts, fewer_stressed
from stresswatch.evaluation.estimated_quality import estimate_f1
from stresswatch.evaluation.metrics import measure
from training_jobs.model.dataset import labels_of


class Models(Protocol):
    """Models that score posts out of fold."""

    posts: Posts

    def score(self, posts: Posts) -> pd.DataFrame: ...


def run(models: Models) -> dict[str, dict[str, float]]:
    """Estimate F1 of the unchanged posts, and with a fifth of them stressed."""
    stressed = int(labels_of(models.posts).sum())
    grade = 1 - 0.25 * (len(models.posts) - stressed) / stressed
    fewer = fewer_stressed(models.posts, max(0.0, grade))
    return {
        "as they are": compare(models.score(models.posts)),
        "a fifth stressed": compare(models.score(fewer)),
    }


def compare(scored: pd.DataFrame) -> dict[str, float]:
    """Return F1 by the labels, and its estimate without them."""
    probability = scored["probability"].to_numpy()
    return {
        "f1": measure(scored["label"].to_numpy(), probability).f1,
        "estimated": estimate_f1(probability),
    }


def table(found: Mapping[str, Mapping[str, float]]) -> Table:
    """Return a table of the errors."""
    made = Table(title="F1 estimated without labels", title_justify="left")
    made.add_column("posts", overflow="fold")
    for name in ("F1", "estimated", "error"):
        made.add_column(name, justify="right", overflow="fold")
    for name, one in found.items():
        error = one["estimated"] - one["f1"]
        made.add_row(name, f"{one['f1']:.3f}", f"{one['estimated']:.3f}", f"{error:+.3f}")
    return made
