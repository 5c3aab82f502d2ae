"""The search for a number weight: its choice, the reasons to skip it, and its record."""

import itertools
import json
import random
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.month.calendar import make_month
from cli.data import data_directory, load_posts
from cli.data.stress.dreaddit import TRAIN_FILE
from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.contracts.posts import NUMERIC_FEATURES, Post
from stresswatch.evaluation.metrics import measure
from stresswatch.evaluation.splits import groups, split
from stresswatch.task.definition import TASK
from stresswatch.versions.model_version import Manifest
from tests.conftest import make_posts
from tests.unit.training.container import files_of, lines, put_parameters, put_posts, run
from training_jobs.model import search
from training_jobs.model.dataset import frame, labels_of
from training_jobs.model.fitting import Hyperparameters, fit_pipeline
from training_jobs.model.search import GRID, Trial, search_number_weight

DEFAULT_WEIGHT = TASK.hyperparameters.number_weight
POSTS = make_posts(300)


def posts_of_numbers(count, seed):
    """Posts whose label depends only on two numeric features; their words are unrelated to it."""
    chance = random.Random(seed)
    words = [f"word{place}" for place in range(600)]
    posts = []
    for place in range(count):
        numbers = tuple(chance.gauss(0, 1) for _ in NUMERIC_FEATURES)
        label = int(numbers[0] + numbers[1] + chance.gauss(0, 0.3) > 0)
        text = " ".join(chance.choices(words, k=30))
        posts.append(LabelledPost(Post(f"{seed}-{place}", text, numbers, None, None), label))
    return posts


def copies_of(posts):
    return [
        replace(one, post=one.post._replace(post_id=f"copy-{one.post.post_id}")) for one in posts
    ]


def roc_auc(learned, others, number_weight):
    pipeline = fit_pipeline(learned, Hyperparameters(number_weight=number_weight))
    return measure(labels_of(others), pipeline.predict_proba(frame(others))[:, 1]).roc_auc


def test_the_search_matches_full_weight_for_informative_features():
    learned, others = posts_of_numbers(900, seed=1), posts_of_numbers(600, seed=2)
    found = search_number_weight(learned, Hyperparameters())
    full = roc_auc(learned, others, 1.0)
    assert roc_auc(learned, others, DEFAULT_WEIGHT) < full - 0.03
    assert roc_auc(learned, others, found.number_weight) > full - 0.01
    assert found.reason.startswith(f"better than the task's value, {DEFAULT_WEIGHT}")


@pytest.mark.real_posts
@pytest.mark.skipif(
    not (data_directory() / TRAIN_FILE).exists(), reason=f"STRESSWATCH_DATA_DIR has no {TRAIN_FILE}"
)
def test_real_posts_keep_the_tasks_number_weight():
    """On this part, three folds and weights by confidence preferred a value that was worse."""
    base, _ = make_month(load_posts().posts)
    learned = split(base).train
    found = search_number_weight(learned, Hyperparameters())
    assert (found.number_weight, found.finished) == (DEFAULT_WEIGHT, True)


def test_the_same_posts_and_hyperparameters_give_the_same_choice():
    first, second = (search_number_weight(POSTS, Hyperparameters()) for _ in range(2))
    assert first.finished
    assert replace(first, seconds=0) == replace(second, seconds=0)
    assert {trial.number_weight for trial in first.trials} == {*GRID, DEFAULT_WEIGHT}
    assert first.trials[0].number_weight == DEFAULT_WEIGHT


def test_each_fold_predicts_like_a_training_on_its_own_posts():
    """The search learns terms, scales and the selection without the posts that it scores."""
    hyperparameters = Hyperparameters(k=2)
    labels, group_of = labels_of(POSTS), np.array(groups(POSTS), dtype=object)
    for fold in search._folds(POSTS, labels, group_of, hyperparameters):
        learned, judged = ([POSTS[row] for row in rows] for rows in (fold.learn, fold.judge))
        pipeline = fit_pipeline(learned, hyperparameters)
        expected = pipeline.predict_proba(frame(judged))[:, 1]
        ours = search._predict(fold, DEFAULT_WEIGHT, POSTS, hyperparameters)
        assert ours == pytest.approx(expected, abs=1e-4)


def test_posts_of_one_wording_are_in_one_fold():
    posts = POSTS + copies_of(POSTS)
    group_of = np.array(groups(posts), dtype=object)
    folds = search._folds(posts, labels_of(posts), group_of, Hyperparameters())
    for fold in folds:
        assert not {*group_of[fold.learn]} & {*group_of[fold.judge]}


def trial(number_weight, difference):
    return Trial(number_weight, 0.15 + difference, difference, 0.001)


@pytest.mark.parametrize(
    ("candidates", "difference", "chosen"),
    [(1, -0.0066, 0.03), (1, -0.0067, 1.0), (4, -0.0072, 0.03), (4, -0.0073, 1.0)],
)
def test_a_value_must_be_better_by_a_significant_margin(candidates, difference, chosen):
    """One-sided bounds of 5 %, shared among the candidates: 1.64 and 2.24 standard errors."""
    others = [trial(1.0 + place, difference + place) for place in range(candidates)]
    assert search._choice([trial(0.03, 0), *others])[0].number_weight == chosen


def test_posts_count_equally_regardless_of_confidence():
    probability = np.random.default_rng(1).random((2, len(POSTS)))
    group_of = np.array(groups(POSTS), dtype=object)
    unsure = [replace(one, confidence=0.4) for one in POSTS[:150]] + POSTS[150:]
    trials = search._trials((0.03, 1.0), probability, unsure, group_of)
    for found, values in zip(trials, probability, strict=True):
        assert found.brier == pytest.approx(measure(labels_of(POSTS), values).brier)


def test_copies_of_posts_do_not_reduce_the_standard_error():
    chance = np.random.default_rng(1)
    probability = chance.random((2, len(POSTS)))
    group_of = np.array(groups(POSTS), dtype=object)
    _, alone = search._trials((0.03, 1.0), probability, POSTS, group_of)
    _, twice = search._trials((0.03, 1.0), np.tile(probability, 2), POSTS * 2, np.tile(group_of, 2))
    assert twice.standard_error == pytest.approx(alone.standard_error)


@pytest.mark.parametrize(
    ("posts", "hyperparameters", "reason"),
    [
        (POSTS, Hyperparameters(pipeline="perceptron"), "perceptron has no number weight"),
        (POSTS, Hyperparameters(search_seconds=0), "search_seconds is 0"),
        (POSTS, Hyperparameters.from_strings({"number_weight": "0.3"}), "number_weight is given"),
        (POSTS[:80], Hyperparameters(), "independent posts, and 50 are needed"),
    ],
)
def test_a_skipped_search_keeps_the_value_and_gives_the_reason(posts, hyperparameters, reason):
    found = search_number_weight(posts, hyperparameters)
    assert (found.number_weight, found.finished) == (hyperparameters.number_weight, False)
    assert not found.trials
    assert reason in found.reason


def test_a_search_that_times_out_keeps_the_tasks_value():
    learned = posts_of_numbers(400, seed=1)
    ticks = itertools.count(step=30)
    found = search_number_weight(learned, Hyperparameters(), clock=lambda: next(ticks))
    assert (found.number_weight, found.finished) == (DEFAULT_WEIGHT, False)
    assert "did not end within 120 seconds" in found.reason


def test_a_large_training_split_is_sampled_by_whole_groups(monkeypatch):
    monkeypatch.setattr(search, "MOST_POSTS", 250)
    drawn = search._drawn(POSTS + copies_of(POSTS), seed=7)
    assert len(drawn) == 250
    assert len(set(groups(drawn))) == 125


def test_manifest_and_card_explain_the_number_weight(container):
    put_posts(container, lines(posts_of_numbers(500, seed=1)))
    put_parameters(container, version="v1", seed="5")
    assert run(container) == 0
    files = files_of(container)
    manifest = Manifest.from_bytes(files["manifest.json"])
    found = manifest.search
    assert found["finished"]
    assert manifest.hyperparameters["number_weight"] == found["number_weight"] > DEFAULT_WEIGHT
    card = files["model_card.md"].decode()
    assert f"| Number weight | {found['number_weight']}, better than the task's value" in card
    assert all(
        f"| {trial['number_weight']} | {trial['brier']:.4f} |" in card for trial in found["trials"]
    )


def test_a_given_number_weight_is_used(container, labelled_posts):
    put_posts(container, lines(labelled_posts))
    put_parameters(container, version="v1", number_weight="0.5", search_seconds="60")
    assert run(container) == 0
    manifest = json.loads(files_of(container)["manifest.json"])
    assert manifest["hyperparameters"]["number_weight"] == 0.5
    assert manifest["search"]["reason"].startswith("no search: number_weight is given")
