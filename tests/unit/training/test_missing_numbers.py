"""Training on posts that lack numeric features."""

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from stresswatch.contracts.posts import NUMERIC_FEATURES
from stresswatch.evaluation.splits import split
from stresswatch.model.artefact import Artefact
from stresswatch.versions.model_version import Manifest
from tests.conftest import PROJECT, make_posts
from tests.unit.training.conftest import make_container
from tests.unit.training.container import files_of, lines, put_posts, run

CASES = PROJECT.parent / "shared" / "cases"


def with_numbers(posts, number_of):
    """Give each post the numbers that `number_of` returns for its position and its own numbers."""
    return [
        replace(labelled, post=labelled.post._replace(numbers=number_of(place, labelled.post)))
        for place, labelled in enumerate(posts)
    ]


NO_NUMBERS = (math.nan,) * len(NUMERIC_FEATURES)
HELD_OUT = {one.post.post_id for one in split(make_posts(400)).evaluation}
"""Among the posts of `labelled_posts`."""
SCARCE = {
    "none at all": (lambda place, post: NO_NUMBERS, NUMERIC_FEATURES),
    "some features only": (
        lambda place, post: (*post.numbers[:2], *NO_NUMBERS[2:]),
        NUMERIC_FEATURES[2:],
    ),
    "one value of a feature": (lambda place, post: (*post.numbers[:4], 3.0), NUMERIC_FEATURES[4:]),
    "the training split only": (
        lambda place, post: NO_NUMBERS if post.post_id in HELD_OUT else post.numbers,
        (),
    ),
    "the evaluation split only": (
        lambda place, post: post.numbers if post.post_id in HELD_OUT else NO_NUMBERS,
        NUMERIC_FEATURES,
    ),
    "ten posts of each feature": (
        lambda place, post: post.numbers if place < 10 else NO_NUMBERS,
        (),
    ),
}


@pytest.fixture(scope="module")
def trained_on(tmp_path_factory, labelled_posts):
    """Train on scarce numbers; return the files, which are made once."""

    @cache
    def files(name):
        container = make_container(tmp_path_factory.mktemp("scarce"))
        put_posts(container, lines(with_numbers(labelled_posts, SCARCE[name][0])))
        assert run(container) == 0
        return files_of(container)

    return files


@pytest.mark.parametrize("name", SCARCE)
def test_a_model_is_trained_without_absent_numeric_features(trained_on, name):
    absent, files = SCARCE[name][1], trained_on(name)
    manifest = Manifest.from_bytes(files["manifest.json"])
    artefact = Artefact.from_bytes(files["model.npz"])
    weighs_nothing = {
        feature
        for feature, weight in zip(NUMERIC_FEATURES, artefact.number_weight, strict=True)
        if weight == 0
    }
    assert manifest.absent_features == absent
    assert set(absent) == weighs_nothing
    assert not {*absent} & {*manifest.selected_features}
    assert manifest.parity <= 1e-9
    assert manifest.metrics["overall"]["f1"] > 0.7
    card = files["model_card.md"].decode()
    assert ("had no values, or the same" in card) is bool(absent)
    assert ("| Numeric features used | none |" in card) is (absent == NUMERIC_FEATURES)


def test_a_text_only_model_ignores_numeric_features(trained_on):
    artefact = Artefact.from_bytes(trained_on("none at all")["model.npz"])
    numbers = np.array([NO_NUMBERS, (1e308,) * 5, (-3.0,) * 5])
    scores = artefact.score(["I cannot sleep"] * 3, numbers)
    assert len(set(scores.probability)) == 1


@pytest.mark.skipif(not CASES.exists(), reason="the problem files are not at hand")
def test_a_model_is_trained_on_exported_text_only_posts(container):
    put_posts(container, (CASES / "reddit_labelled.jsonl").read_bytes())
    assert run(container) == 0
    manifest = Manifest.from_bytes(files_of(container)["manifest.json"])
    assert manifest.posts["train"] + manifest.posts["evaluation"] == 300
    assert manifest.selected_features == ()
