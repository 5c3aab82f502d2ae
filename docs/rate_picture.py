"""Draw the README's picture: the stress rate of eight weeks, with communities new to the model.

``python -m docs.rate_picture FILE.png`` draws each week's posts, with replacement, from those that
no model learned from. The first version has not seen the two largest communities. The second, from
the fifth week on, has. One post in four is sampled and labelled, and the shipped code estimates the
rates.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import numpy as np

from cli.dashboard.rates import RecentRates
from cli.data import load_posts
from cli.status.snapshot import Snapshot
from docs.screenshot import dashboard, take_picture
from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.evaluation.splits import split
from stresswatch.rates.cells import Period, Rate, week_of
from stresswatch.rates.estimation import LabelledDraw, estimate_rates
from stresswatch.settled.summaries import Counts
from stresswatch.task.definition import TASK
from training_jobs.model.dataset import frame
from training_jobs.model.fitting import Hyperparameters, fit_pipeline

WEEKS, POSTS_A_WEEK, SHARE = 8, 2_000, 0.25
_MINIMUM_POSTS = 50
_SEED = 1


def weekly_rates(posts: Sequence[LabelledPost], first: date) -> list[Rate]:
    """Estimate the rates of eight weeks of predicted and partly labelled posts.

    Parameters
    ----------
    first : date
        The first week's Monday.
    """
    sides = split(posts)
    sizes = Counter(one.post.source for one in posts)
    unseen = {source for source, _ in sizes.most_common(2)}
    seen = [one for one in sides.train if one.post.source not in unseen]
    streamed = sides.evaluation
    probabilities = [
        fit_pipeline(learned, Hyperparameters()).predict_proba(frame(streamed))[:, 1]
        for learned in (seen, sides.train)
    ]
    chance = np.random.default_rng(_SEED)
    counts: dict[datetime, list[Counts]] = {}
    draws: list[LabelledDraw] = []
    spans = [(Period.WEEK, first + timedelta(weeks=week)) for week in range(WEEKS)]
    for week, (_, start) in enumerate(spans):
        hour = datetime.combine(start, time(9), UTC)
        version = int(week >= WEEKS / 2)
        rows = chance.integers(len(streamed), size=POSTS_A_WEEK)
        is_drawn = chance.random(POSTS_A_WEEK) < SHARE
        sources = np.array([streamed[row].post.source for row in rows])
        for source in dict.fromkeys(sources):
            its = sources == source
            counts.setdefault(hour, []).append(
                _counts(f"v{version + 1}", source, probabilities[version][rows[its]], is_drawn[its])
            )
        draws += [
            LabelledDraw(
                hour,
                streamed[row].post.source,
                f"{week}-{place}",
                streamed[row].label,
                float(probabilities[version][row]),
                SHARE,
            )
            for place, row in enumerate(rows)
            if is_drawn[place]
        ]
    return estimate_rates(counts, draws, spans, _MINIMUM_POSTS)


def _counts(version: str, source: str, probability: np.ndarray, is_drawn: np.ndarray) -> Counts:
    """Count posts as settling does; probabilities of shape (n_posts,)."""
    total = float(probability.sum())
    return Counts(
        model_version=version,
        source=source,
        posts=len(probability),
        positive=int((probability >= TASK.label.threshold).sum()),
        probability_sum=total,
        probability_sum_squares=float((probability**2).sum()),
        imputed=0,
        drawable=len(probability),
        drawable_probability_sum=total,
        drawn=int(is_drawn.sum()),
    )


def main() -> None:
    """Draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="the PNG file to write")
    arguments = parser.parse_args()
    now = datetime.now(UTC)
    first = week_of(now.date()) - timedelta(weeks=WEEKS)
    rates = RecentRates(weekly_rates(load_posts().posts, first))
    page = dashboard(Snapshot("stresswatch-dev", now, now - timedelta(hours=1)), rates)
    charts = [("header", ".rates figure:nth-of-type(4)")]
    take_picture(replace(page, columns=charts), arguments.file)


if __name__ == "__main__":
    main()
