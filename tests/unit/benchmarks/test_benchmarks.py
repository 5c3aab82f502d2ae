"""The benchmarks measure what they say, on few posts."""

import pytest

from benchmarks import quality
from benchmarks.earlier import EarlierModel, clean
from benchmarks.timing import rate
from tests.conftest import make_posts
from training_jobs.stress_model.dataset import frame

TRAIN, TEST = make_posts(150), make_posts(60, seed=2)


def test_a_rate_is_the_median_of_its_rounds_and_says_how_far_they_spread():
    measured = rate(lambda: sum(range(1000)), records=10, rounds=3)
    assert 0 < measured.lowest <= measured.median <= measured.highest
    assert measured.rounds == 3


@pytest.mark.parametrize("recipe", ["shipped", "text only", "numbers only"])
def test_a_recipe_is_measured_with_an_interval_around_each_figure(recipe):
    report = quality._on_test(quality.RECIPES[recipe], TRAIN, TEST)
    assert set(report["metrics"]) == set(quality.METRICS)
    for figure in report["metrics"].values():
        assert figure["low"] <= figure["value"] <= figure["high"]
    assert set(report["f1_by_community"]) == {"anxiety", "ptsd"}


def test_posts_without_numbers_are_scored_from_what_their_text_lets_expect():
    report = quality._on_test(quality.RECIPES["shipped, posts without numbers"], TRAIN, TEST)
    assert report["metrics"]["roc_auc"]["value"] > 0.8


def test_the_earlier_recipe_removes_links_digits_and_stop_words_and_stems():
    assert clean("The 3 worries, worrying me: https://example.org/x") == "worri worri"


def test_the_earlier_handler_answers_as_its_model_does():
    from benchmarks.predictor import _event

    model = EarlierModel().fit(frame(TRAIN), [post.label for post in TRAIN])
    complete = [post for post in TEST if all(number == number for number in post.post.numbers)]
    (record,) = _event(complete[:1])["Records"]
    answer = model.handle(record)
    assert answer["post_id"] == complete[0].post.post_id
    assert answer["stress"] == model.predict_proba(frame(complete[:1]))[0, 1]
