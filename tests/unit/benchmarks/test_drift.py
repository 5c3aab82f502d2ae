"""The benchmarks of drift draw what they say, and find what is there."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.drift import cost
from benchmarks.drift.alarms import judge, one_sample, two_samples
from benchmarks.drift.shifts import COST, SHIFTS, grade_that_costs
from stresswatch.contracts.predictions import DRIFT_COLUMNS
from tests.conftest import make_posts

IDS, SEGMENTS = 400, 2


def scored(offset=0.0):
    """Rows of posts of two segments each."""
    rows = IDS * SEGMENTS
    values = np.random.default_rng(5).normal(size=(rows, len(DRIFT_COLUMNS)))
    table = pd.DataFrame(values, columns=list(DRIFT_COLUMNS))
    return table.assign(
        text_length=table["text_length"] + offset,
        post_id=[f"p{row // SEGMENTS}" for row in range(rows)],
    )


class TestWindows:
    def test_reference_and_window_share_no_post(self):
        table = scored()
        current, reference = two_samples(table, table)(300, np.random.default_rng(1))
        assert len(current) == 300
        assert len(reference) == IDS * SEGMENTS // 5
        assert not set(current["post_id"]) & set(reference["post_id"])
        assert set(reference["post_id"].value_counts()) == {SEGMENTS}

    def test_of_too_few_posts_both_are_drawn_again_and_again(self):
        table = scored()
        current, reference = two_samples(table, table)(2_000, np.random.default_rng(1))
        assert (len(current), len(reference)) == (2_000, IDS * SEGMENTS // 5)
        assert current["post_id"].value_counts().max() > SEGMENTS

    def test_a_window_of_a_community_is_compared_with_a_reference_that_stays(self):
        table = scored()
        draw = one_sample(table, table.iloc[:100])
        for size in (300, 2_000):
            current, reference = draw(size, np.random.default_rng(1))
            assert len(current) == size
            assert reference.equals(table.iloc[:100])


class TestVerdicts:
    def test_windows_without_drift_have_none_and_a_shift_is_seen_in_each(self):
        quiet = judge(two_samples(scored(), scored()), 300, windows=10)
        assert (quiet.windows, quiet.alarms, quiet.drifted[0]) == (10, 0.0, 1.0)
        shifted = judge(two_samples(scored(), scored(offset=1.0)), 300, windows=10)
        assert shifted.alarms == shifted.columns["text_length"] == 1.0
        assert shifted.columns["sentiment"] == 0.0


class TestShifts:
    @pytest.mark.parametrize("name", SHIFTS)
    def test_a_shift_of_no_grade_changes_nothing_and_a_full_one_changes_posts(self, name):
        posts = make_posts(20)
        # As text, in which a missing number is the same as another.
        assert str(list(SHIFTS[name](posts, 0.0))) == str(list(posts))
        assert str(list(SHIFTS[name](posts, 1.0))) != str(list(posts))

    def test_the_least_grade_is_found_that_costs_enough(self):
        grade, cost = grade_that_costs(
            lambda posts: 0.8 - 0.1 * sum(posts), [], lambda _, grade: [grade]
        )
        assert grade == pytest.approx(0.5, abs=0.01)
        assert cost == pytest.approx(COST, abs=0.001)

    def test_a_shift_that_cannot_cost_as_much_is_taken_whole(self):
        grade, cost = grade_that_costs(
            lambda posts: 0.8 - 0.01 * sum(posts), [], lambda _, grade: [grade]
        )
        assert (grade, cost) == (1.0, pytest.approx(0.01))


def test_above_the_limit_a_sample_of_the_window_is_compared():
    found = cost.measure(1_000, maximum=600)
    assert (found["rows"], found["compared"]) == (1_000, 600)
    assert min(found[f"{part}_seconds"] for part in ("read", "compare", "page")) > 0
