"""The benchmark of rates: what it compares, on posts whose model is known to be wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from benchmarks import rates
from tests.conftest import make_posts


@pytest.fixture
def found(monkeypatch):
    """Two communities, and a model that calls nearly everything stressed."""
    monkeypatch.setattr(rates, "_FIT", lambda _: lambda posts: np.linspace(0.4, 0.99, len(posts)))
    posts = [*of_community("first"), *of_community("second")]
    return rates.measure(posts, labels=60, draws=200)


def of_community(name):
    return [
        replace(one, post=one.post._replace(source=name, post_id=f"{name}-{place}"))
        for place, one in enumerate(make_posts(200, seed=len(name)))
    ]


def test_a_biased_model_misleads_the_called_rate_and_not_the_corrected(found):
    for community in found:
        assert community.called > community.true + 0.2
        assert not community.called_covers
        assert community.corrected == pytest.approx(community.true, abs=0.01)
        assert community.coverage >= 0.9
    assert rates.summary(found)["bias_of_corrected"] < 0.01


def test_communities_that_are_too_small_are_left_out(monkeypatch):
    monkeypatch.setattr(rates, "_FIT", lambda _: lambda posts: np.full(len(posts), 0.5))
    small = of_community("small")[: rates.LEAST_POSTS - 1]
    assert rates.measure(small, labels=60, draws=2) == []


def test_the_table_is_80_columns_wide(found, capsys):
    rates.show(found, 60, Console(width=80))
    printed = capsys.readouterr().out
    assert "first" in printed
    assert "…" not in printed
