import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu, permutation_test
from sklearn import metrics

from stresswatch.evaluation.metrics import (
    METRICS,
    bootstrap_intervals,
    chance_of_roc_auc,
    expected_calibration_error,
    measure,
    measure_resamples,
)

ROWS = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from([0.0, 0.2, 0.4, 0.5, 0.6, 0.8, 1.0])), min_size=1
)


@given(ROWS)
def test_metrics_equal_those_of_scikit_learn(rows):
    labels = np.array([label for label, _ in rows])
    probability = np.array([value for _, value in rows])
    predicted = (probability >= 0.5).astype(int)
    quality = measure(labels, probability)
    assert quality.accuracy == pytest.approx(metrics.accuracy_score(labels, predicted))
    for name in ("precision", "recall", "f1"):
        theirs = getattr(metrics, f"{name}_score")(labels, predicted, zero_division=0)
        assert getattr(quality, name) == pytest.approx(theirs)
    assert quality.brier == pytest.approx(((probability - labels) ** 2).mean())
    if len(set(labels.tolist())) == 2:
        assert quality.roc_auc == pytest.approx(metrics.roc_auc_score(labels, probability))
    else:
        assert quality.roc_auc is None


def test_measuring_without_posts_is_an_error():
    with pytest.raises(ValueError, match="at least one"):
        measure(np.array([], dtype=np.int64), np.array([]))


def test_calibrated_probabilities_have_zero_calibration_error():
    labels = np.array([1, 0, 0, 0, 1, 1, 1, 0])
    probability = np.array([0.25] * 4 + [0.75] * 4)
    assert expected_calibration_error(labels, probability) == pytest.approx(0.0)


def test_calibration_error_is_the_mean_bin_gap_weighted_by_posts():
    labels = np.array([1, 1, 1, 0])
    probability = np.array([0.6, 0.6, 0.6, 1.0])
    assert expected_calibration_error(labels, probability) == pytest.approx((3 * 0.4 + 1.0) / 4)


def predictions(count, seed=3):
    chance = np.random.default_rng(seed)
    labels = chance.integers(2, size=count)
    return labels, np.clip(0.5 + 0.2 * (labels - 0.5) + chance.normal(0, 0.2, count), 0, 1)


def test_every_metric_has_an_interval_around_its_value():
    labels, probability = predictions(300)
    intervals = bootstrap_intervals(labels, probability, [str(place) for place in range(300)])
    quality = measure(labels, probability).as_dict()
    assert set(intervals) == set(METRICS)
    for name, (low, high) in intervals.items():
        assert low <= quality[name] <= high


def test_the_same_predictions_have_the_same_intervals():
    labels, probability = predictions(60)
    post_ids = [str(place) for place in range(60)]
    assert bootstrap_intervals(labels, probability, post_ids) == bootstrap_intervals(
        labels, probability, post_ids
    )


def test_segments_of_one_post_count_as_one_observation():
    labels, probability = predictions(60)
    alone = bootstrap_intervals(labels, probability, [str(place) for place in range(60)])
    segments = bootstrap_intervals(
        np.repeat(labels, 5), np.repeat(probability, 5), [str(place // 5) for place in range(300)]
    )
    assert segments["f1"] == pytest.approx(alone["f1"])


def test_roc_auc_of_one_class_has_no_interval():
    intervals = bootstrap_intervals(np.ones(9, dtype=np.int64), np.full(9, 0.7), list("abcdefghi"))
    assert "roc_auc" not in intervals
    assert intervals["recall"] == (1.0, 1.0)


def test_resamples_are_measured_like_repeated_posts():
    labels, probability = predictions(40)
    probability = probability.round(1)  # ties
    times = np.random.default_rng(5).integers(3, size=(20, 40))
    times[0], times[1] = labels, 1 - labels  # resamples of one class
    measured = measure_resamples(labels, probability, times.astype(float))
    for row, counts in enumerate(times):
        alone = measure(np.repeat(labels, counts), np.repeat(probability, counts)).as_dict()
        for name in METRICS:
            expected = np.nan if alone[name] is None else alone[name]
            assert measured[name][row] == pytest.approx(expected, abs=1e-12, nan_ok=True)


class TestChanceOfRocAuc:
    def test_it_equals_scipys_permutation_test(self):
        chance = np.random.default_rng(3)
        labels = chance.integers(2, size=60)
        probability = np.clip(labels * 0.12 + chance.random(60), 0, 1)
        theirs = permutation_test(
            (probability[labels == 1], probability[labels == 0]),
            lambda one, other: mannwhitneyu(one, other).statistic,
            alternative="greater",
            n_resamples=2000,
            rng=1,
        )
        ours = chance_of_roc_auc(labels, probability, [str(place) for place in range(60)])
        assert ours == pytest.approx(theirs.pvalue, abs=0.04)

    def test_with_few_posts_even_a_perfect_roc_auc_is_insignificant(self):
        labels, probability = np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.8, 0.9])
        assert chance_of_roc_auc(labels, probability, list("abcd")) == pytest.approx(
            1 / 6, abs=0.03
        )

    def test_copies_of_a_post_add_no_evidence(self):
        labels, probability = np.array([0, 1] * 50), np.array([0.2, 0.8] * 50)
        groups = ["a", "b"] * 50
        assert chance_of_roc_auc(labels, probability, groups) == pytest.approx(1 / 2, abs=0.05)
        apart = [str(place) for place in range(100)]
        assert chance_of_roc_auc(labels, probability, apart) < 0.001

    def test_posts_of_one_class_have_a_p_value_of_one(self):
        assert chance_of_roc_auc(np.array([1, 1]), np.array([0.1, 0.9]), ["a", "b"]) == 1
