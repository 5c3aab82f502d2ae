import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from stresswatch.quality import expected_calibration_error, measure

ROWS = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from([0.0, 0.2, 0.4, 0.5, 0.6, 0.8, 1.0])), min_size=1
)


@given(ROWS)
def test_the_metrics_are_those_of_scikit_learn(rows):
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


def test_no_post_has_no_quality():
    with pytest.raises(ValueError, match="at least one"):
        measure(np.array([], dtype=np.int64), np.array([]))


def test_probabilities_that_come_true_have_no_calibration_error():
    labels = np.array([1, 0, 0, 0, 1, 1, 1, 0])
    probability = np.array([0.25] * 4 + [0.75] * 4)
    assert expected_calibration_error(labels, probability) == pytest.approx(0.0)


def test_the_calibration_error_is_the_mean_gap_of_the_bins_by_their_posts():
    labels = np.array([1, 1, 1, 0])
    probability = np.array([0.6, 0.6, 0.6, 1.0])
    assert expected_calibration_error(labels, probability) == pytest.approx((3 * 0.4 + 1.0) / 4)
