"""Agreement of annotators: the reference implementation, published examples and the definition."""

import krippendorff
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from stresswatch.evaluation.agreement import majority, nominal_alpha, reading_of

ratings = arrays.arrays(
    np.int64, st.tuples(st.integers(2, 30), st.integers(2, 4)), elements=st.integers(0, 5)
)


def counts_of(reliability_data, values):
    """Counts of shape (n_items, n_values) of ratings of shape (n_annotators, n_items)."""
    data = np.array(reliability_data, dtype=float)
    return np.stack([(data == value).sum(axis=0) for value in values], axis=1).astype(np.int64)


@given(ratings)
def test_alpha_equals_the_reference_implementation(counts):
    pairable = counts[counts.sum(axis=1) >= 2]
    assume((pairable.sum(axis=0) > 0).sum() >= 2)
    expected = krippendorff.alpha(value_counts=counts, level_of_measurement="nominal")
    assert nominal_alpha(counts) == pytest.approx(expected, abs=1e-9)


def test_alpha_matches_krippendorffs_example_with_missing_ratings():
    """Four annotators, twelve items: "Computing Krippendorff's alpha-reliability", section C."""
    none = np.nan
    data = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, none, none, none],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, none, 3],
        [none, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, none],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, none],
    ]
    assert nominal_alpha(counts_of(data, range(1, 6))) == pytest.approx(0.743, abs=5e-4)


def test_alpha_matches_krippendorffs_example_of_two_annotators():
    data = [[0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]]
    assert nominal_alpha(counts_of(data, (0, 1))) == pytest.approx(0.095, abs=5e-4)


def test_full_agreement_is_1_in_any_order_of_items():
    counts = np.array([[3, 0], [0, 2], [0, 4]])
    assert nominal_alpha(counts) == nominal_alpha(counts[::-1]) == 1


def test_random_ratings_have_an_alpha_near_zero():
    guesses = np.random.default_rng(7).binomial(3, 0.4, 20_000)
    counts = np.stack([3 - guesses, guesses], axis=1)
    assert nominal_alpha(counts) == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize(
    "counts", [[[1, 0], [0, 1]], [[2, 0], [3, 0]], [[0, 0]]], ids=["single", "one value", "none"]
)
def test_alpha_is_undefined_without_pairs_or_with_one_value(counts):
    assert nominal_alpha(np.array(counts)) is None


@pytest.mark.parametrize(
    ("alpha", "said"),
    [(0.8, "are reliable"), (0.79, "tentative"), (0.667, "tentative"), (0.66, "not reliable")],
)
def test_alpha_is_interpreted_by_krippendorffs_thresholds(alpha, said):
    assert said in reading_of(alpha)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [([0, 1], (1, 1.0)), ([2, 1], (0, 2 / 3)), ([1, 1], None), ([2, 2, 1], None)],
)
def test_the_majority_label_is_the_most_frequent_and_none_on_a_tie(counts, expected):
    assert majority(np.array(counts)) == expected
