"""A model with other numeric features than the contract's reads posts by name."""

import math
from dataclasses import replace

import numpy as np
import pytest

from stresswatch.contracts.posts import NUMERIC_FEATURES, Post
from stresswatch.contracts.reasons import ReasonsPolicy
from stresswatch.model.artefact import Artefact
from stresswatch.model.explainer import Explainer
from stresswatch.model.feature_numbers import numbers_for
from stresswatch.model.predict import predict
from stresswatch.model.sklearn_export import export_pipeline
from training_jobs.model.fitting import Hyperparameters, fit_pipeline

POSTS = [
    Post("a", "panic at work", (1.0, 2.0, 3.0, 4.0, 5.0)),
    Post("b", "a walk", (math.nan,) * 5),
]
AT = "2026-01-01T00:00:00+00:00"


@pytest.fixture(scope="module")
def artefact(labelled_posts):
    return export_pipeline(fit_pipeline(labelled_posts, Hyperparameters()))


def test_a_model_with_the_contracts_features_reads_them_in_order():
    assert numbers_for(NUMERIC_FEATURES, POSTS)[0].tolist() == [1.0, 2.0, 3.0, 4.0, 5.0]


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        (NUMERIC_FEATURES[::-1], [5.0, 4.0, 3.0, 2.0, 1.0]),
        (NUMERIC_FEATURES[1:3], [2.0, 3.0]),
        (("stars", *NUMERIC_FEATURES[:1]), [math.nan, 1.0]),
        ((), []),
    ],
    ids=["in another order", "fewer", "one that posts lack", "none"],
)
def test_numeric_features_are_matched_by_name_or_missing(features, expected):
    numbers = numbers_for(features, POSTS)
    np.testing.assert_array_equal(numbers[0], expected)
    assert np.isnan(numbers[1]).all()


def test_an_empty_batch_has_zero_rows():
    assert numbers_for(("stars",), []).shape == (0, 1)


def predicted(artefact, policy=ReasonsPolicy.NEVER):
    return predict([(post.post_id, post) for post in POSTS], artefact, "v1", AT, policy)


def test_a_feature_absent_from_posts_is_treated_as_missing(artefact):
    other = replace(artefact, numeric_features=("stars", *NUMERIC_FEATURES[1:]))
    lacking = [post._replace(numbers=(math.nan, *post.numbers[1:])) for post in POSTS]
    expected = predict([(post.post_id, post) for post in lacking], artefact, "v1", AT)
    assert [one.probability for one in predicted(other)] == [one.probability for one in expected]


def test_reasons_name_the_models_own_features(artefact):
    other = replace(artefact, numeric_features=("stars", *NUMERIC_FEATURES[:0:-1]))
    (numbers,) = numbers_for(other.numeric_features, POSTS[:1])
    with_weight = replace(other, number_weight=np.full(5, 100.0))
    reasons = Explainer(with_weight).explain(POSTS[0].text, numbers.tolist()).features
    kinds = {reason.feature: reason.kind for reason in reasons if reason.kind.endswith("number")}
    assert kinds == {"stars": "expected_number"} | dict.fromkeys(NUMERIC_FEATURES[1:], "number")
    (made, _) = predicted(with_weight, ReasonsPolicy.ALWAYS)
    assert made.reasons.features == reasons


def test_an_artefact_stores_its_own_numeric_features(artefact):
    other = replace(artefact, numeric_features=("one", "two", "three", "four", "five"))
    assert Artefact.from_bytes(other.to_bytes()).numeric_features == other.numeric_features
