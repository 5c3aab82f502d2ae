import math
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from stresswatch.contracts.posts import NUMERIC_FEATURES
from stresswatch.contracts.predictions import MONITORED_FEATURES, REFERENCE_COLUMNS
from stresswatch.monitoring.drift import measure_drift
from stresswatch.monitoring.drift_rules import (
    DISTANCES,
    TESTS,
    DriftRules,
    FeatureRule,
    InvalidDriftRules,
)

RULES = DriftRules()
SURENESS = ((3, 1.5, 500), (4, 2.6, 300))
"""Seed, shape of a symmetric beta distribution, and number: more and less confident answers."""


def rows(count, seed, **shift):
    generator = np.random.default_rng(seed)
    return pd.DataFrame(
        {name: generator.normal(shift.get(name, 0.0), 1.0, count) for name in REFERENCE_COLUMNS}
    )


@pytest.fixture(scope="module")
def reference():
    return rows(500, seed=1)


def test_a_window_like_the_reference_has_no_drift(reference):
    drift = measure_drift(rows(300, seed=2), reference, RULES)
    assert (drift.share, drift.failed) == (0.0, {})
    assert tuple(drift.features) == MONITORED_FEATURES


def test_drifted_features_are_named_and_counted_in_the_share(reference):
    drift = measure_drift(rows(300, seed=2, sentiment=1.0, probability=1.0), reference, RULES)
    assert drift.drifted == ("sentiment", "probability")
    assert drift.share == pytest.approx(2 / len(MONITORED_FEATURES))


def test_few_windows_without_drift_have_a_drifted_feature(reference):
    windows = 200
    drifted = [
        bool(measure_drift(rows(300, seed), rows(500, seed + 10_000), RULES).drifted)
        for seed in range(windows)
    ]
    assert sum(drifted) <= 7  # 2 are expected at most; more than 7 have a probability of 0.1 %


def test_a_significant_but_tiny_shift_is_not_drift():
    many, more = rows(20_000, seed=1), rows(20_000, seed=2, sentiment=0.06, text_length=0.2)
    drift = measure_drift(more, many, RULES)
    assert drift.features["sentiment"].is_significant
    assert drift.features["sentiment"].distance < 0.1
    assert drift.drifted == ("text_length",)


def test_a_distance_explained_by_chance_is_not_drift(reference):
    drift = measure_drift(rows(50, seed=3), reference, RULES)
    assert max(feature.distance for feature in drift.features.values()) > 0.1
    assert drift.drifted == ()


def test_lower_prediction_confidence_is_drift(
    reference,
):
    sure, less_sure = (np.random.default_rng(seed).beta(a, a, n) for seed, a, n in SURENESS)
    drift = measure_drift(
        rows(300, seed=2).assign(probability=less_sure),
        reference.assign(probability=sure),
        RULES,
    )
    assert drift.drifted == ("prediction_confidence",)


def test_an_increase_in_missing_values_is_drift(reference):
    current = rows(300, seed=2)
    current.loc[:29, ["sentiment", "lex_liwc_i"]] = np.nan
    drift = measure_drift(current, reference, RULES)
    assert drift.drifted == ("missing_share",)
    current.loc[3:, ["sentiment", "lex_liwc_i"]] = 0.5
    few = measure_drift(rows(300, seed=2).where(current.notna()), reference, RULES)
    assert few.drifted == ()


def test_an_incomparable_feature_is_named_with_the_reason(reference):
    current = rows(300, seed=2, sentiment=1.0).assign(lex_liwc_i=None, text_length=np.inf)
    drift = measure_drift(current.drop(columns="word_rarity"), reference, RULES)
    reason = "the window has 0 values; at least 20 are needed"
    assert drift.failed == dict.fromkeys(("lex_liwc_i", "text_length", "word_rarity"), reason)
    assert drift.drifted == ("sentiment", "missing_share")
    assert drift.share == pytest.approx(2 / len(MONITORED_FEATURES))


@pytest.mark.parametrize("current_has_numbers", [True, False])
def test_features_missing_from_the_reference_are_absent_not_failed(reference, current_has_numbers):
    gaps = dict.fromkeys(NUMERIC_FEATURES, np.nan)
    current = rows(300, seed=2, probability=1.0)
    if not current_has_numbers:
        current = current.assign(**gaps)
    drift = measure_drift(current, reference.assign(**gaps), RULES)
    assert (drift.absent, drift.failed) == (NUMERIC_FEATURES, {})
    assert drift.drifted == ("probability",)
    assert drift.share == pytest.approx(1 / (len(MONITORED_FEATURES) - len(NUMERIC_FEATURES)))


def test_a_feature_missing_only_from_the_window_fails(reference):
    drift = measure_drift(rows(300, seed=2).assign(sentiment=np.nan), reference, RULES)
    assert (drift.absent, set(drift.failed)) == ((), {"sentiment"})


def test_features_known_to_only_one_side_are_excluded(reference):
    # The champion was trained for `stars`; posts have `lex_liwc_i` in its place.
    before = reference.rename(columns={"lex_liwc_i": "stars"})
    current = rows(300, seed=2, sentiment=1.0)
    drift = measure_drift(current, before, RULES)
    assert (drift.absent, drift.removed, drift.failed) == (("lex_liwc_i",), ("stars",), {})
    assert drift.drifted == ("sentiment",)
    assert drift.share == pytest.approx(1 / (len(MONITORED_FEATURES) - 1))


def test_the_missing_share_covers_only_features_of_both_sides(reference):
    before = reference.drop(columns="lex_liwc_i")
    current = rows(300, seed=2)
    current.loc[3:, "lex_liwc_i"] = np.nan
    assert measure_drift(current, before, RULES).drifted == ()
    current.loc[:29, ["sentiment", "lex_liwc_Tone"]] = np.nan
    assert measure_drift(current, before, RULES).drifted == ("missing_share",)


def test_an_empty_window_has_an_undefined_drift_share(reference):
    drift = measure_drift(reference.iloc[:0], reference, RULES)
    assert math.isnan(drift.share)
    assert drift.as_dict()["share"] is None
    assert set(drift.failed) == set(MONITORED_FEATURES)


@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize("distance", DISTANCES)
def test_every_available_test_and_distance_detects_drift(reference, test, distance):
    rules = DriftRules(usual=FeatureRule(test, distance, 0.2))
    drift = measure_drift(rows(300, seed=2, sentiment=2.0), reference, rules)
    assert drift.drifted == ("sentiment",)
    assert drift.features["sentiment"].test == test


def test_a_feature_can_have_its_own_rule(reference):
    rules = DriftRules(features={"sentiment": FeatureRule(threshold=5.0)})
    drift = measure_drift(rows(300, seed=2, sentiment=1.0, text_length=1.0), reference, rules)
    assert drift.drifted == ("text_length",)


def test_rules_round_trip_through_json():
    rules = DriftRules(
        0.02, FeatureRule("mannw"), {NUMERIC_FEATURES[0]: FeatureRule(threshold=0.3)}
    )
    assert DriftRules.from_json(rules.to_json()) == rules


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FeatureRule(test="anderson"), "test is 'anderson'; it must be one of ks"),
        (lambda: FeatureRule(distance="ks"), "distance is 'ks'; it must be one of wasserstein"),
        (lambda: FeatureRule(threshold=0.0), "threshold is 0.0"),
        (lambda: FeatureRule(threshold=math.inf), "threshold is inf"),
        (lambda: DriftRules(error_rate=1.0), "error_rate is 1.0"),
        (lambda: DriftRules(features={"mood": FeatureRule()}), "there is a rule for mood"),
        (lambda: DriftRules.from_json("[]"), "cannot be read"),
        (lambda: DriftRules.from_json('{"error_rate": 0.1}'), "cannot be read: 'usual'"),
        (
            lambda: DriftRules.from_json('{"error_rate": 0.1, "usual": {}, "features": {}}'),
            "cannot be read: 'test'",
        ),
    ],
)
def test_invalid_rules_are_rejected(make, message):
    with pytest.raises(InvalidDriftRules, match=message):
        make()


def test_importing_drift_loads_only_the_needed_parts_of_evidently():
    program = "import sys, stresswatch.monitoring.drift; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    loaded = {*done.stdout.split()}
    assert "evidently.legacy.calculations.stattests" in loaded
    assert not {"evidently.descriptors", "evidently.ui", "litestar", "nltk", "plotly"} & loaded
