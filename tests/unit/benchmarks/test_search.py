from dataclasses import asdict, replace
from itertools import cycle

import pytest

from benchmarks.search import SHIPPED, VARIANTS, compare, search
from tests.conftest import make_posts
from training_jobs.model.dataset import frame
from training_jobs.model.fitting import Hyperparameters, fit_pipeline
from training_jobs.model.tracking import Tracker

POSTS, OTHERS = make_posts(120), make_posts(30, seed=2)


def test_the_first_trial_is_the_shipped_pipeline_and_each_has_metrics():
    first, second = search(POSTS, trials=2, tracker=Tracker(None, "search"))
    assert first["candidate"] == asdict(SHIPPED)
    assert second["candidate"] != first["candidate"]
    assert 0 < first["brier"] < 0.25 < first["roc_auc"]


def test_the_shipped_candidate_predicts_the_same_as_the_pipeline():
    expected = fit_pipeline(POSTS, Hyperparameters()).predict_proba(frame(OTHERS))[:, 1]
    assert SHIPPED.fit(POSTS)(OTHERS).tolist() == expected.tolist()


@pytest.mark.parametrize("name", VARIANTS)
def test_each_variant_differs_from_the_shipped_pipeline(name):
    sure = cycle([1.0, 0.5, 0.8])
    posts = [
        replace(
            labelled,
            post=labelled.post._replace(text=labelled.post.text + " !" * labelled.label),
            confidence=next(sure),
        )
        for labelled in POSTS
    ]
    assert VARIANTS[name].fit(posts)(OTHERS).tolist() != SHIPPED.fit(posts)(OTHERS).tolist()


def test_a_pipeline_does_not_differ_from_itself():
    for difference, error in compare(SHIPPED.fit, SHIPPED.fit, POSTS, seeds=[1]).values():
        assert (difference, error) == (0, 0)


def test_an_uninformative_pipeline_is_significantly_worse():
    def coin(posts):
        return lambda others: SHIPPED.fit(posts)(others) * 0 + 0.5

    difference, error = compare(coin, SHIPPED.fit, POSTS, seeds=[1, 2])["brier"]
    assert difference > 3 * error > 0
