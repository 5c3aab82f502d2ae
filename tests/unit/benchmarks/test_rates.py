"""The benchmark of rates: its comparisons, on posts whose model is known to be wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from benchmarks.rates import communities
from benchmarks.rates.__main__ import show_communities, show_simulations, summary
from benchmarks.rates.populations import SIMULATIONS, fit, simulated
from tests.conftest import make_posts


@pytest.fixture
def found(monkeypatch):
    """Two communities, and a model that predicts nearly everything as stressed."""
    monkeypatch.setattr(
        communities, "_FIT", lambda _: lambda posts: np.linspace(0.4, 0.99, len(posts))
    )
    posts = [*of_community("first"), *of_community("second")]
    return communities.measure(posts, labels=60, draws=200)


def of_community(name):
    return [
        replace(one, post=one.post._replace(source=name, post_id=f"{name}-{place}"))
        for place, one in enumerate(make_posts(200, seed=len(name)))
    ]


def test_a_biased_model_distorts_only_the_uncorrected_rate(found):
    for community in found:
        one = community.fit
        assert one.called > one.true + 0.2
        assert not one.called_covers
        assert one.corrected == pytest.approx(one.true, abs=0.01)
        assert one.coverage >= 0.9
    assert summary(found)["bias_of_corrected"] < 0.01


def test_communities_with_too_few_posts_are_skipped(monkeypatch):
    monkeypatch.setattr(communities, "_FIT", lambda _: lambda posts: np.full(len(posts), 0.5))
    small = of_community("small")[: communities.MINIMUM_POSTS - 1]
    assert communities.measure(small, labels=60, draws=2) == []


def test_the_tables_fit_into_80_columns(found, capsys):
    show_communities(found, 60, Console(width=80))
    show_simulations(
        {name: fit(simulated(name, 1), 2, 1) for name in SIMULATIONS}, 2, Console(width=80)
    )
    printed = capsys.readouterr().out
    assert "first" in printed
    assert "…" not in printed
