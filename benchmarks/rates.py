"""The rate of stress in communities that the model has not seen, by four ways of estimating it.

``python -m benchmarks.rates [--labels N] [--draws N] [--json]`` leaves out each community with
enough posts in turn, learns from the others, and predicts it. Then it draws random samples of the
community's posts, whose labels are known, and compares with the true rate:

- the called rate, which counts what the model calls stressed, with Wilson's interval;
- the adjusted count, which corrects it by the error rates of the other communities (Forman,
  "Quantifying counts and costs via classification", 2008);
- the sampled labels alone;
- predictions and labels together: `stresswatch.evaluation.prediction_powered`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import sqrt
from statistics import NormalDist, fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks.crossvalidation import out_of_fold
from benchmarks.quality import RECIPES
from benchmarks.timing import machine
from cli.data import load_posts
from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.contracts.predictions import DECISION_THRESHOLD
from stresswatch.evaluation.prediction_powered import Sample, estimate_rate
from stresswatch.evaluation.proportions import wilson_bounds
from training_jobs.stress_model.dataset import labels_of

LABELS = 100
DRAWS = 1_000
LEAST_POSTS = 150
"""Of a community that is left out; a sample of 100 is most of a smaller one."""
_CONFIDENCE = 0.95
_SEED = 7
_FIT = RECIPES["shipped"]

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Community:
    """What each way says of one community; rates are shares from 0 to 1.

    Attributes
    ----------
    true : float
        The share of its posts with label 1.
    called, adjusted : float
        Of one estimate each: neither looks at the community's labels.
    called_covers : bool
        Whether Wilson's interval around the called rate has the true one.
    corrected : float
        The mean over the draws.
    coverage : float
        Of the draws, the share whose interval has the true rate.
    width, width_of_labels : float
        Mean width of the interval, and of that of the labels alone.
    """

    name: str
    posts: int
    true: float
    called: float
    called_covers: bool
    adjusted: float
    corrected: float
    coverage: float
    width: float
    width_of_labels: float


def measure(posts: Sequence[LabelledPost], labels: int, draws: int) -> list[Community]:
    """Leave out each community that is large enough, the largest first."""
    sizes = Counter(post.post.source for post in posts)
    large = [name for name, size in sizes.most_common() if name and size >= LEAST_POSTS]
    return [_left_out(name, posts, labels, draws) for name in large]


def _left_out(name: str, posts: Sequence[LabelledPost], labels: int, draws: int) -> Community:
    its = [post for post in posts if post.post.source == name]
    others = [post for post in posts if post.post.source != name]
    truth, predictions = labels_of(its).astype(float), _FIT(others)(its)
    called = float((predictions >= DECISION_THRESHOLD).mean())
    low, high = wilson_bounds(round(called * len(its)), len(its), (1 + _CONFIDENCE) / 2)
    rng = np.random.default_rng(_SEED)
    estimates = []
    of_labels = []
    for _ in range(draws):
        drawn = rng.random(len(its)) < labels / len(its)
        sample = Sample(
            truth[drawn],
            predictions[drawn],
            np.full(drawn.sum(), labels / len(its)),
            np.flatnonzero(drawn).astype(str),
        )
        if estimate := estimate_rate(float(predictions.mean()), len(its), sample, _CONFIDENCE):
            estimates.append(estimate)
            of_labels.append(_width_of_labels(truth[drawn], len(its)))
    true = float(truth.mean())
    return Community(
        name=name,
        posts=len(its),
        true=true,
        called=called,
        called_covers=low <= true <= high,
        adjusted=_adjusted(called, others),
        corrected=fmean(one.rate for one in estimates),
        coverage=fmean(one.low <= true <= one.high for one in estimates),
        width=fmean(one.high - one.low for one in estimates),
        width_of_labels=fmean(of_labels),
    )


def _adjusted(called: float, others: Sequence[LabelledPost]) -> float:
    """Correct a called rate by the error rates out of fold."""
    (predictions,) = out_of_fold(_FIT, others, [_SEED])
    truth, positive = labels_of(others), predictions >= DECISION_THRESHOLD
    hits, false_alarms = positive[truth == 1].mean(), positive[truth == 0].mean()
    return float(np.clip((called - false_alarms) / (hits - false_alarms), 0, 1))


def _width_of_labels(truth: Values, posts: int) -> float:
    """Return the width of the interval of the sampled labels alone, of these posts."""
    variance = truth.var(ddof=1) / len(truth) * (1 - len(truth) / posts)
    return float(2 * NormalDist().inv_cdf((1 + _CONFIDENCE) / 2) * sqrt(variance))


def summary(found: Sequence[Community]) -> dict[str, float]:
    """Return the mean absolute errors, and how often the intervals have the true rate."""
    return {
        "error_of_called": fmean(abs(one.called - one.true) for one in found),
        "error_of_adjusted": fmean(abs(one.adjusted - one.true) for one in found),
        "bias_of_corrected": fmean(abs(one.corrected - one.true) for one in found),
        "coverage_of_called": fmean(one.called_covers for one in found),
        "coverage_of_corrected": fmean(one.coverage for one in found),
    }


def show(found: Sequence[Community], labels: int, console: Console) -> None:
    """Print the figures as a table, and their summary."""
    table = Table(
        title=f"The rate of stress in communities unseen, with {labels} labels each",
        caption="* its interval, Wilson's, does not have the true rate",
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=0,
    )
    table.add_column("community", no_wrap=True, max_width=14)
    for column in ("posts", "true", "called", "adjusted", "corrected", "covers", "width", "alone"):
        table.add_column(column, justify="right", no_wrap=True)
    for one in found:
        table.add_row(
            one.name,
            f"{one.posts:,}",
            f"{one.true:.3f}",
            f"{one.called:.3f}{'' if one.called_covers else '*'}",
            f"{one.adjusted:.3f}",
            f"{one.corrected:.3f}",
            f"{one.coverage:.0%}",
            f"{one.width:.3f}",
            f"{one.width_of_labels:.3f}",
        )
    console.print(table)
    for name, value in summary(found).items():
        console.print(f"{name.replace('_', ' ')}: {value:.3f}", highlight=False)


def main() -> None:
    """Run the benchmark, and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--labels", type=int, default=LABELS, help="in each sample")
    parser.add_argument("--draws", type=int, default=DRAWS)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    arguments = parser.parse_args()
    data = load_posts()
    found = measure(data.posts, arguments.labels, arguments.draws)
    if arguments.json:
        result: dict[str, Any] = {"machine": machine(), "data": data.name, **summary(found)}
        json.dump(result | {"communities": [asdict(one) for one in found]}, sys.stdout, indent=2)
        return
    console = Console()
    console.print(f"{machine()}; {data.name}", highlight=False)
    show(found, arguments.labels, console)


if __name__ == "__main__":
    main()
