"""The synthetic posts tell the demo's story, at any seed and on any Python."""

import hashlib
from collections import Counter

import numpy as np
import pytest
from scipy.stats import ks_2samp

from cli.data.stress.synthetic import AID_COMMUNITIES
from cli.data.synthetic import generate_posts, generate_stream
from stresswatch.contracts.labelled_posts import parse_labelled_post
from stresswatch.contracts.posts import NUMERIC_FEATURES
from stresswatch.evaluation.metrics import measure
from stresswatch.evaluation.splits import split
from stresswatch.text.normalisation import canonical
from tests.training_sets import content_of
from training_jobs.model.dataset import frame
from training_jobs.model.fitting import Hyperparameters, fit_pipeline


@pytest.fixture(scope="module")
def posts():
    return generate_posts(7)


def numbers(posts):
    return np.array([labelled.post.numbers for labelled in posts])


def aid(posts):
    return [labelled for labelled in posts if labelled.post.source in AID_COMMUNITIES]


def others(posts):
    return [labelled for labelled in posts if labelled.post.source not in AID_COMMUNITIES]


def test_a_seed_gives_the_same_posts_on_every_python(posts):
    content = content_of(posts)
    assert hashlib.sha256(content).hexdigest() == (
        "f0ff4c2af5c39ad6c5e9542eb925008e69b7ddbad91df035e879b5a55aa0d8c5"
    )


def test_another_seed_gives_other_posts(posts):
    assert {labelled.post.text for labelled in generate_posts(8)}.isdisjoint(
        labelled.post.text for labelled in posts
    )


def share_no_post(posts, others):
    """Return whether two lists share neither a post id nor a text, as texts are compared."""

    def known_by(some):
        ids = {one.post.post_id for one in some}
        return ids | {f"text: {canonical(one.post.text)}" for one in some}

    return known_by(posts).isdisjoint(known_by(others))


@pytest.mark.parametrize("seed", [0, 7, 8])
def test_a_stream_shares_no_post_with_training_posts_of_any_seed(posts, seed):
    stream = generate_stream(seed)
    assert share_no_post(posts, stream)
    assert share_no_post(generate_posts(seed), stream)
    assert not share_no_post(stream, stream[-1:])


def test_a_stream_has_the_same_communities_and_is_reproducible(posts):
    stream = generate_stream(7)
    assert stream == generate_stream(7)
    assert stream != generate_stream(8)
    assert Counter(one.post.source for one in stream) == Counter(one.post.source for one in posts)


def test_communities_have_the_names_and_sizes_of_dreaddit(posts):
    # Written out again: the sizes are Dreaddit's, independent of the code.
    assert Counter(labelled.post.source for labelled in posts) == {
        "ptsd": 584,
        "relationships": 552,
        "anxiety": 503,
        "domesticviolence": 316,
        "assistance": 289,
        "survivorsofabuse": 245,
        "homeless": 168,
        "almosthomeless": 80,
        "stress": 64,
        "food_pantry": 37,
    }


def test_every_post_satisfies_the_contract(posts):
    lines = content_of(posts).splitlines()
    assert len([parse_labelled_post(line) for line in lines]) == 2838
    assert all(100 <= len(labelled.post.text) <= 1000 for labelled in posts)


def test_some_posts_have_several_segments(posts):
    assert 2000 < len({labelled.post.post_id for labelled in posts}) < 2600


def test_numeric_features_are_in_range_and_a_few_are_missing(posts):
    for name, column in zip(NUMERIC_FEATURES, numbers(posts).T, strict=True):
        lowest, highest = (-1, 1) if name == "sentiment" else (0, 100)
        given = column[~np.isnan(column)]
        assert lowest <= given.min() < given.max() <= highest
        assert 0.01 < np.isnan(column).mean() < 0.06


def test_about_half_of_the_posts_are_stressed_in_either_part(posts):
    for part in (aid(posts), others(posts)):
        assert 0.4 < np.mean([labelled.label for labelled in part]) < 0.6


def test_aid_communities_drift_and_a_sample_of_the_others_does_not(posts):
    def drifted(current, reference):
        return [
            ks_2samp(column[~np.isnan(column)], other[~np.isnan(other)]).pvalue < 0.01
            for column, other in zip(numbers(current).T, numbers(reference).T, strict=True)
        ]

    assert sum(drifted(aid(posts), others(posts))) >= 4
    rest = others(posts)
    assert not any(drifted(rest[::3], rest[1::3]))


def test_training_on_aid_communities_improves_f1_on_them(posts):
    sides = split(posts)
    held_out, learned = sides.evaluation, sides.train

    def fit(training):
        return fit_pipeline(training, Hyperparameters())

    def f1(model, on):
        labels = np.array([labelled.label for labelled in on])
        return measure(labels, model.predict_proba(frame(on))[:, 1]).f1

    first, second = fit(others(learned)), fit(learned)
    assert 0.73 < f1(first, others(held_out)) < 0.87
    assert f1(second, aid(held_out)) > f1(first, aid(held_out)) + 0.08
