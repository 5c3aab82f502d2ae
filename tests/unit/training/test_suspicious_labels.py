"""Labels that look wrong are listed, by models that did not learn from the post."""

import json
from dataclasses import replace

import numpy as np
import pytest

from stresswatch.versions.model_version import Manifest
from tests.unit.training.conftest import make_container
from tests.unit.training.container import files_of, lines, put_posts, run
from training_jobs.model.dataset import read_dataset
from training_jobs.model.fitting import Hyperparameters, fit_pipeline
from training_jobs.model.suspicious_labels import look_wrong, out_of_fold

WRONG = slice(5, None, 20)
"""The posts with flipped labels."""


def flipped(posts):
    wrong = {id(one) for one in posts[WRONG]}
    return [replace(one, label=1 - one.label) if id(one) in wrong else one for one in posts], {
        one.post.post_id for one in posts[WRONG]
    }


@pytest.fixture(scope="module")
def trained(tmp_path_factory, labelled_posts):
    """A container after a training on the posts of which some have flipped labels."""
    container = make_container(tmp_path_factory.mktemp("flipped"))
    put_posts(container, lines(flipped(labelled_posts)[0]))
    assert run(container) == 0
    return container


def test_flipped_labels_are_found(trained, labelled_posts):
    posts, wrong = flipped(labelled_posts)
    files = files_of(trained)
    content = json.loads(files["suspicious_labels.json"])
    read = read_dataset(trained / "input/data/train").posts
    found = [read[one["place"]] for one in content["labels"]]
    assert [one.label for one in found] == [one["label"] for one in content["labels"]]
    ids = {one.post.post_id for one in found}
    # A tenth of the posts have the other class's words, so some of each cannot be told apart.
    assert len(ids & wrong) >= 0.6 * len(wrong)
    assert len(ids - wrong) <= 0.15 * len(posts)
    assert content["posts"] == len(posts)
    assert content["suspicious"] == len(found)
    assert Manifest.from_bytes(files["manifest.json"]).posts["suspicious"] == len(found)


def test_the_most_suspicious_come_first(trained):
    listed = json.loads(files_of(trained)["suspicious_labels.json"])["labels"]
    of_given = [one["probability"] if one["label"] else 1 - one["probability"] for one in listed]
    assert of_given == sorted(of_given)


def test_the_list_omits_texts_and_post_ids(trained):
    """Models cannot be changed, and a person's posts may be removed."""
    listed = json.loads(files_of(trained)["suspicious_labels.json"])["labels"]
    assert {*map(frozenset, listed)} == {frozenset({"place", "label", "probability"})}


def test_a_label_is_suspicious_beyond_the_mean_of_the_other_class():
    """Thresholds 0.7 for stressed and 0.65 for not, as in section 3.1 of the paper."""
    labels = np.array([1, 1, 1, 0, 0, 0, 0])
    probability = np.array([0.9, 0.86, 0.34, 0.1, 0.2, 0.69, 0.41])
    assert look_wrong(labels, probability).tolist() == [
        *(False, False, True),
        *(False, False, False, False),
    ]
    probability[5] = 0.71
    assert look_wrong(labels, probability)[5]


def test_posts_are_judged_only_by_out_of_fold_models(labelled_posts, tmp_path):
    """Random labels teach nothing, so out-of-fold models cannot predict them."""
    draws = np.random.default_rng(1)
    posts = [replace(one, label=int(draws.random() < 0.5)) for one in labelled_posts]
    pipeline = fit_pipeline(posts, Hyperparameters())
    labels = np.array([one.label for one in posts])
    told = (out_of_fold(posts, pipeline) >= 0.5) == labels
    assert 0.35 < told.mean() < 0.65


def test_copies_and_segments_of_a_post_are_in_one_fold(labelled_posts):
    once = labelled_posts[:60]
    twice = [*once, *(replace(one, label=1 - one.label) for one in once)]
    pipeline = fit_pipeline(twice, Hyperparameters())
    probability = out_of_fold(twice, pipeline)
    np.testing.assert_allclose(probability[:60], probability[60:])
