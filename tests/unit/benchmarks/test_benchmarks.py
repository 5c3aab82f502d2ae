"""The benchmarks measure what their names say, on few posts."""

from dataclasses import replace

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from benchmarks import gate, number_weight, pipelines, quality
from benchmarks.baseline import BaselineModel, clean
from benchmarks.predictor.handlers import event_of
from benchmarks.timing import Spread, Work, rate, speedup, time_in_turns
from tests.conftest import make_posts
from training_jobs.model.dataset import frame
from training_jobs.model.pipelines import DEFAULT

TRAIN, TEST = make_posts(150), make_posts(60, seed=2)


def test_benchmarks_alternate_and_the_first_round_is_discarded():
    log = []
    works = {name: Work(lambda name=name: log.append(name), units=10) for name in "ab"}
    seconds = time_in_turns(works, rounds=2)
    assert log == ["a", "b"] * 3
    assert {name: len(each) for name, each in seconds.items()} == {"a": 2, "b": 2}


def test_values_are_medians_of_rounds_with_their_spread():
    assert rate([0.5, 0.1, 0.25]) == Spread(4.0, 2.0, 10.0, 3)
    assert speedup(ours=[1.0, 2.0, 4.0], theirs=[3.0, 4.0, 4.0]) == Spread(2.0, 1.0, 3.0, 3)


@pytest.mark.parametrize("pipeline", ["shipped", "text only", "numeric features only"])
def test_a_pipeline_is_measured_with_an_interval_around_each_metric(pipeline):
    report = quality._on_test(quality.PIPELINES[pipeline], TRAIN, TEST)
    assert set(report["metrics"]) == set(quality.METRICS)
    for figure in report["metrics"].values():
        assert figure["low"] <= figure["value"] <= figure["high"]
    assert set(report["f1_by_community"]) == {"anxiety", "ptsd"}


def test_posts_without_numeric_features_are_scored_by_their_text():
    report = quality._on_test(
        quality.PIPELINES["shipped, posts without numeric features"], TRAIN, TEST
    )
    assert report["metrics"]["roc_auc"]["value"] > 0.8


def test_the_baseline_removes_links_digits_and_stop_words_and_stems():
    assert clean("The 3 worries, worrying me: https://example.org/x") == "worri worri"


def test_the_baselines_handler_returns_its_models_probability():
    model = BaselineModel().fit(frame(TRAIN), [post.label for post in TRAIN])
    complete = [post for post in TEST if all(number == number for number in post.post.numbers)]
    (record,) = event_of(complete[:1])["Records"]
    answer = model.handle(record)
    assert answer["post_id"] == complete[0].post.post_id
    assert answer["probability"] == model.predict_proba(frame(complete[:1]))[0, 1]


def test_the_gate_rejects_unimproved_and_poisoned_challengers():
    posts = make_posts(600) + [
        replace(one, post=one.post._replace(source="homeless")) for one in make_posts(200, seed=2)
    ]
    tallies = gate.judge(posts, draws=1)
    assert set(tallies) == set(gate.CHALLENGERS)
    assert tallies["learned nothing new"].failed == {"improvement in Brier score, new holdout": 1}
    assert tallies["all labels flipped"].accepted == 0
    assert tallies["all labels flipped"].failed["ROC-AUC, base holdout"] == 1


def test_a_pipeline_compared_with_itself_shows_no_difference():
    metrics = pipelines.compare(DEFAULT, TRAIN, seeds=1)
    assert set(metrics) == set(pipelines.METRICS)
    for found in metrics.values():
        assert found["difference"] == 0
        assert found["interval"] == (0, 0)
        assert found["means"][0] == found["means"][1]


def test_intervals_of_differences_account_for_overlapping_folds():
    low, high = pipelines.interval(np.array([0.0, 0.02] * 5))
    half = 2.262157 * (0.35 * 0.001 / 9) ** 0.5
    assert (low, high) == pytest.approx((0.01 - half, 0.01 + half), abs=1e-6)


def test_numeric_feature_weights_are_tried_on_each_kind_of_post(monkeypatch):
    monkeypatch.setattr(number_weight, "_OTHERS", 200)
    monkeypatch.setattr(number_weight, "AVAILABLE", {"some": 60})
    few = {"words": number_weight.Kind(0, 1, 130), "numbers": number_weight.Kind(1, 0, 130)}
    monkeypatch.setattr(number_weight, "GENERATED", few)
    with threadpool_limits(1):
        kinds = number_weight.run(make_posts(80), draws=1)
    assert set(kinds) == {*few, "some"}
    assert kinds["words"]["chosen"] == {number_weight._TASKS: 1}
    numbers = kinds["numbers"]
    assert min(numbers["chosen"]) > number_weight._TASKS
    assert numbers["best_difference"] <= numbers["difference"] < -0.05
