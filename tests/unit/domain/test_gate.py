from dataclasses import replace

import pytest

from stresswatch.export import export_pipeline
from stresswatch.gate import MINIMUM_FRESH_POSTS, decide
from tests.conftest import make_posts
from training_jobs.stress_model.recipe import Hyperparameters, fit_pipeline

STANDING = make_posts(200, seed=2)
FRESH = [replace(post, labelled_at="2026-11-23T00:00:00Z") for post in make_posts(100, seed=3)]


def train(posts):
    return export_pipeline(fit_pipeline(posts, Hyperparameters()))


def flipped(posts):
    return [replace(post, label=1 - post.label) for post in posts]


@pytest.fixture(scope="module")
def good():
    return train(make_posts(400))


@pytest.fixture(scope="module")
def poor():
    posts = make_posts(400)
    return train(posts[::2] + flipped(posts[1::3]))


@pytest.fixture(scope="module")
def poisoned():
    return train(flipped(make_posts(400)))


def failed(verdict):
    return {check.name for check in verdict.checks if not check.passed}


def test_a_first_model_that_is_worth_serving_is_accepted(good):
    assert decide(good, None, STANDING).accepted


def test_a_first_model_that_learned_the_wrong_labels_is_rejected(poisoned):
    assert "ROC-AUC, standing posts" in failed(decide(poisoned, None, STANDING))


def test_a_better_challenger_is_accepted(good, poor):
    assert decide(good, poor, STANDING + FRESH).accepted


def test_an_equal_challenger_is_accepted(good):
    assert decide(good, good, STANDING + FRESH).accepted


@pytest.mark.parametrize("challenger", ["poor", "poisoned"])
def test_a_worse_challenger_is_rejected(good, challenger, request):
    verdict = decide(request.getfixturevalue(challenger), good, STANDING + FRESH)
    assert not verdict.accepted


def test_a_challenger_that_is_worse_on_fresh_posts_alone_is_rejected(good):
    # On fresh posts of flipped labels the poorer of two models that agree is the surer one.
    unsure = replace(good, weight=good.weight / 10, number_weight=good.number_weight / 10)
    verdict = decide(
        good, unsure, STANDING + [replace(post, label=1 - post.label) for post in FRESH]
    )
    assert failed(verdict) >= {"Brier score, fresh posts"}
    assert not failed(verdict) & {"F1, standing posts", "Brier score, standing posts"}


def test_too_few_fresh_posts_are_not_asked(good):
    verdict = decide(good, good, STANDING + FRESH[: MINIMUM_FRESH_POSTS - 1])
    assert not [check for check in verdict.checks if "fresh" in check.name]


def test_without_standing_posts_nothing_is_decided(good):
    with pytest.raises(ValueError, match="needs a standing post"):
        decide(good, None, FRESH)


def test_every_check_says_what_was_held_against_what(good, poor):
    for check in decide(good, poor, STANDING + FRESH).checks:
        assert check.reason
        assert check.threshold is not None
