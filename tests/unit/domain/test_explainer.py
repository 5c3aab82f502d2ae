import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stresswatch.contracts.posts import NUMERIC_FEATURES, Post
from stresswatch.contracts.reasons import ReasonsPolicy
from stresswatch.model.explainer import MOST_REASONS, Explainer
from stresswatch.model.predict import predict
from stresswatch.model.sklearn_export import export_pipeline
from training_jobs.model.fitting import Hyperparameters, fit_pipeline

MISSING = (math.nan,) * len(NUMERIC_FEATURES)
AT = "2026-01-01T00:00:00+00:00"


@pytest.fixture(scope="module")
def artefact(labelled_posts):
    return export_pipeline(fit_pipeline(labelled_posts, Hyperparameters()))


@pytest.fixture(scope="module")
def explain(artefact):
    return Explainer(artefact).explain


def served(artefact, text, numbers):
    return float(artefact.score([text], np.array([numbers]))[0][0])


NUMBERS = st.tuples(*[st.floats(-1e6, 1e6) | st.just(math.nan)] * len(NUMERIC_FEATURES))
TEXTS = st.lists(
    st.sampled_from(["panic", "SLEEP", "not", "don\u2019t", "!!", "feel", "awful"])
    | st.text(max_size=6),
    max_size=30,
).map(" ".join)


@given(TEXTS, NUMBERS)
def test_intercept_reasons_and_rest_add_up_to_the_log_odds_served(artefact, explain, text, numbers):
    probability = 1 / (1 + math.exp(-explain(text, numbers).log_odds))
    assert probability == pytest.approx(served(artefact, text, numbers), abs=1e-12)


def test_the_strongest_reasons_come_first_up_to_the_maximum(explain, labelled_posts):
    post = labelled_posts[0].post
    shares = [abs(reason.log_odds) for reason in explain(post.text, post.numbers).features]
    assert len(shares) == MOST_REASONS
    assert shares == sorted(shares, reverse=True)


def test_evidence_for_stress_is_positive_and_against_it_negative(explain):
    reasons = explain("panic garden", MISSING)
    share = {reason.feature: reason.log_odds for reason in reasons.features}
    assert share["panic"] > 0 > share["garden"]


def test_a_missing_feature_is_explained_by_its_expected_value(explain):
    kinds = {}
    for numbers in (MISSING, (1.0,) * len(NUMERIC_FEATURES)):
        reasons = explain("\N{GRINNING FACE}", numbers)
        kinds[numbers] = {one.kind for one in reasons.features if one.feature in NUMERIC_FEATURES}
    assert list(kinds.values()) == [{"expected_number"}, {"number"}]


@pytest.mark.parametrize(
    ("explains", "expected"),
    [
        (ReasonsPolicy.NEVER, [False, False]),
        (ReasonsPolicy.ON_REQUEST, [False, True]),
        (ReasonsPolicy.ALWAYS, [True, True]),
    ],
)
def test_reasons_are_included_by_stage_policy_and_post_request(artefact, explains, expected):
    posts = [Post("a", "panic", MISSING), Post("b", "panic", MISSING, asks_reasons=True)]
    made = predict([(post.post_id, post) for post in posts], artefact, "v1", AT, explains)
    assert ["reasons" in json.loads(prediction.message()) for prediction in made] == expected


def test_the_archive_omits_reasons_because_they_contain_words(artefact):
    post = Post("a", "panic", MISSING, asks_reasons=True)
    (made,) = predict([("1", post)], artefact, "v1", AT, ReasonsPolicy.ON_REQUEST)
    message = json.loads(made.message())
    assert "panic" in {reason["feature"] for reason in message["reasons"]["features"]}
    assert set(message["reasons"]) == {"intercept", "features", "rest"}
    assert "panic" not in made.archive_line()
