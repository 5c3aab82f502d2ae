"""Measure bias, coverage and width of the stress rate, compared with other estimators.

``python -m benchmarks.rates [--labels N] [--draws N] [--simulated] [--json]`` holds out each
community with enough posts in turn, trains on the others, and scores it. Then it draws random
samples of the community's posts, whose labels are known, and compares with the true rate:

- the called rate, the share of posts that the model calls stressed, with Wilson's interval;
- the adjusted count, which corrects it by the error rates of the other communities (Forman,
  "Quantifying counts and costs via classification", 2008);
- the sampled labels alone;
- predictions and labels together: `stresswatch.evaluation.prediction_powered`.

``--simulated`` draws from simulated posts instead, whose shares, clusters and shifts are known.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from statistics import fmean

from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks.rates.communities import Community, measure
from benchmarks.rates.populations import SIMULATIONS, Fit, fit, simulated
from benchmarks.timing import machine
from cli.data import load_posts

LABELS = 100
DRAWS = 1_000
_SEED = 5


def summary(found: Sequence[Community]) -> dict[str, float]:
    """Return the mean absolute errors, and the intervals' coverage."""
    fits = [one.fit for one in found]
    return {
        "error_of_called": fmean(abs(one.called - one.true) for one in fits),
        "error_of_adjusted": fmean(abs(one.adjusted - one.fit.true) for one in found),
        "bias_of_corrected": fmean(abs(one.corrected - one.true) for one in fits),
        "coverage_of_called": fmean(one.called_covers for one in fits),
        "coverage_of_corrected": fmean(one.coverage for one in fits),
    }


def show_communities(found: Sequence[Community], labels: int, console: Console) -> None:
    """Print a row for each community, and the summary."""
    title = f"Stress rate of unseen communities, with {labels} labels each"
    table = _table(title, "community", "posts", "true", "called", "adjusted", "corrected", *_REST)
    for one in found:
        cells = _cells(one.fit)
        table.add_row(one.name, f"{one.fit.posts:,}", *cells[:2], f"{one.adjusted:.3f}", *cells[2:])
    console.print(table)
    for name, value in summary(found).items():
        console.print(f"{name.replace('_', ' ')}: {value:.3f}", highlight=False)


def show_simulations(found: Mapping[str, Fit], draws: int, console: Console) -> None:
    """Print a row for each simulated population."""
    title = f"Stress rate of simulated posts, {draws:,} samples each"
    table = _table(title, "simulation", "true", "called", "corrected", *_REST, "variance")
    for name, one in found.items():
        table.add_row(name, *_cells(one), f"{one.variance_ratio:.2f}")
    console.print(table)


_REST = ("covers", "width", "alone")


def _table(title: str, first: str, *others: str) -> Table:
    table = Table(
        title=title,
        caption="* Wilson's interval of the called rate misses the true rate",
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=0,
    )
    table.add_column(first, no_wrap=True, max_width=19, overflow="fold")
    for column in others:
        table.add_column(column, justify="right", no_wrap=True, overflow="fold")
    return table


def _cells(one: Fit) -> list[str]:
    return [
        f"{one.true:.3f}",
        f"{one.called:.3f}{'' if one.called_covers else '*'}",
        f"{one.corrected:.3f}",
        f"{one.coverage:.1%}",
        f"{one.width:.3f}",
        f"{one.width_of_labels:.3f}",
    ]


def main() -> None:
    """Run the benchmark, and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--labels", type=int, default=LABELS, help="labels in each sample")
    parser.add_argument("--draws", type=int, default=DRAWS, help="samples of each community")
    parser.add_argument("--simulated", action="store_true", help="measure simulated posts")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    arguments = parser.parse_args()
    console = Console()
    if arguments.simulated:
        fits = {name: fit(simulated(name, _SEED), arguments.draws, _SEED) for name in SIMULATIONS}
        if arguments.json:
            json.dump({name: asdict(one) for name, one in fits.items()}, sys.stdout, indent=2)
        else:
            show_simulations(fits, arguments.draws, console)
        return
    data = load_posts()
    found = measure(data.posts, arguments.labels, arguments.draws)
    if arguments.json:
        result = {"machine": machine(), "data": data.name, **summary(found)}
        json.dump(result | {"communities": [asdict(one) for one in found]}, sys.stdout, indent=2)
        return
    console.print(f"{machine()}; {data.name}", highlight=False)
    show_communities(found, arguments.labels, console)


if __name__ == "__main__":
    main()
