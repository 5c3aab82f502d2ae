"""A model's quality on its evaluation split: metrics with intervals, slices, and curves."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.calibration import CalibrationDisplay
from sklearn.metrics import PrecisionRecallDisplay, RocCurveDisplay

from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.evaluation.metrics import bootstrap_intervals, measure
from stresswatch.evaluation.splits import groups
from stresswatch.task.definition import TASK
from training_jobs.model.dataset import labels_of

CURVES = {
    "roc.png": "ROC curve",
    "precision_recall.png": "Precision and recall",
    "reliability.png": "Reliability",
}
"""The titles of the plots from `draw_curves`, by file."""

_BINS = 10
_COLOUR = "#2f6fab"
_STYLE = {"name": "model", "plot_chance_level": True, "curve_kwargs": {"color": _COLOUR}}

Probability = NDArray[np.float64]


def evaluate(posts: Sequence[LabelledPost], probability: Probability) -> dict[str, Any]:
    """Measure probabilities of shape (n_posts,) of labelled posts.

    Returns
    -------
    dict
        ``overall``, and ``slices`` by the posts' source. Each has the metrics of `Quality`, and
        ``intervals`` with each metric's 95 % interval by resampling groups of posts. Posts
        without a source are under ``unknown``.
    """
    group_of = groups(posts)
    # Not a text array, which would merge names that differ by trailing NULs.
    sources = [labelled.post.source or "unknown" for labelled in posts]
    return {
        "overall": _measure(posts, group_of, probability, np.arange(len(posts))),
        "slices": {
            source: _measure(
                posts, group_of, probability, np.flatnonzero([one == source for one in sources])
            )
            for source in sorted(set(sources))
        },
    }


def draw_curves(posts: Sequence[LabelledPost], probability: Probability) -> dict[str, bytes]:
    """Draw `CURVES` as PNG files, by name; the posts must include both labels."""
    labels = labels_of(posts)

    def roc(axes: Axes) -> None:
        RocCurveDisplay.from_predictions(labels, probability, ax=axes, **_STYLE)
        axes.set(xlabel="False positive rate", ylabel="True positive rate (recall)")

    def precision_recall(axes: Axes) -> None:
        PrecisionRecallDisplay.from_predictions(labels, probability, ax=axes, **_STYLE)
        axes.set(xlabel="Recall", ylabel="Precision")

    def reliability(axes: Axes) -> None:
        CalibrationDisplay.from_predictions(
            labels, probability, n_bins=_BINS, ax=axes, name="model", color=_COLOUR
        )
        axes.set(xlabel="Mean predicted probability", ylabel=f"Share of {TASK.label.name(1)} posts")

    draws = zip(CURVES.items(), (roc, precision_recall, reliability), strict=True)
    return {name: _picture(title, draw) for (name, title), draw in draws}


def _measure(
    posts: Sequence[LabelledPost],
    group_of: Sequence[str],
    probability: Probability,
    rows: NDArray[np.intp],
) -> dict[str, Any]:
    labels = labels_of(posts)[rows]
    return {
        **measure(labels, probability[rows]).as_dict(),
        "intervals": bootstrap_intervals(
            labels, probability[rows], [group_of[row] for row in rows.tolist()]
        ),
    }


def _picture(title: str, draw: Callable[[Axes], None]) -> bytes:
    # Its own figure instead of pyplot's: no window system, no state between runs.
    figure = Figure(figsize=(4.2, 4.2), dpi=144, layout="constrained")
    axes = figure.add_subplot()
    draw(axes)
    axes.set_title(title, fontsize="medium")
    axes.set_aspect("equal")
    axes.grid(visible=True, alpha=0.25)
    axes.legend(fontsize="small", frameon=False)
    axes.tick_params(labelsize="small")
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()
