"""The drift benchmarks draw the samples that they name, and detect their drift."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.drift import cost
from benchmarks.drift.alarms import judge, one_sample, two_samples
from benchmarks.drift.episodes import (
    DEFAULT,
    RULES,
    AlarmRule,
    detection,
    false_alarms,
    simulate,
)
from benchmarks.drift.shifts import COST, SHIFTS, grade_that_costs
from benchmarks.drift.successive import SuccessiveWindows
from stresswatch.contracts.posts import NUMERIC_FEATURES
from stresswatch.contracts.predictions import MONITORED_FEATURES
from stresswatch.monitoring.drift import measure_drift, numbers
from stresswatch.monitoring.drift_rules import DriftRules
from tests.conftest import make_posts

IDS, SEGMENTS = 400, 2


def scored(offset=0.0):
    """Rows of posts of two segments each."""
    rows = IDS * SEGMENTS
    values = np.random.default_rng(5).normal(size=(rows, len(MONITORED_FEATURES)))
    table = pd.DataFrame(values, columns=list(MONITORED_FEATURES))
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

    def test_too_few_posts_are_drawn_repeatedly(self):
        table = scored()
        current, reference = two_samples(table, table)(2_000, np.random.default_rng(1))
        assert (len(current), len(reference)) == (2_000, IDS * SEGMENTS // 5)
        assert current["post_id"].value_counts().max() > SEGMENTS

    def test_a_communitys_window_is_compared_with_a_fixed_reference(self):
        table = scored()
        draw = one_sample(table, table.iloc[:100])
        for size in (300, 2_000):
            current, reference = draw(size, np.random.default_rng(1))
            assert len(current) == size
            assert reference.equals(table.iloc[:100])


class TestVerdicts:
    def test_drift_is_detected_in_every_shifted_window_and_no_other(self):
        quiet = judge(two_samples(scored(), scored()), 300, windows=10)
        assert (quiet.windows, quiet.alarms, quiet.drifted[0]) == (10, 0.0, 1.0)
        shifted = judge(two_samples(scored(), scored(offset=1.0)), 300, windows=10)
        assert shifted.alarms == shifted.features["text_length"] == 1.0
        assert shifted.features["sentiment"] == 0.0


def verdicts(*runs):
    """Verdicts on successive windows: X drifted, 0 did not."""
    return np.array([[mark == "X" for mark in run.split()] for run in runs])


def lacking(table, share):
    """The table, with this many posts that lack a numeric feature."""
    name = NUMERIC_FEATURES[0]
    lacks = np.random.default_rng(3).random(len(table)) < share
    without = numbers(table.assign(**{name: table[name].where(~lacks)}))
    return without.assign(post_id=table["post_id"])


def rows_of(table, counts):
    return table.iloc[np.repeat(np.arange(len(table)), counts.astype(int))]


class TestSuccessiveWindows:
    @pytest.mark.parametrize("missing", [0.0, 0.08, 0.2, 1.0])
    @pytest.mark.parametrize("offset", [0.0, 0.25])
    def test_each_window_is_judged_as_by_the_monitor(self, missing, offset, monkeypatch):
        before, after = lacking(scored(), 0.05), lacking(scored(offset), missing)
        windows, drawn = SuccessiveWindows(before, after), []
        judge_counts = windows._judge

        def keep(reference, counts):
            drawn.append((reference[:, 0], counts.T))
            return judge_counts(reference, counts)

        monkeypatch.setattr(windows, "_judge", keep)
        found = windows.run(300, 8, np.random.default_rng(2))
        ((reference, counts),) = drawn
        assert found.tolist() == [
            bool(
                measure_drift(rows_of(after, one), rows_of(before, reference), DriftRules()).drifted
            )
            for one in counts
        ]

    def test_windows_have_the_requested_size_and_whole_ids(self, monkeypatch):
        windows, sizes = SuccessiveWindows(scored(), scored()), []

        def count(reference, counts):
            sizes.extend([*reference.sum(axis=0), *counts.sum(axis=0)])
            assert (counts[::SEGMENTS] == counts[1::SEGMENTS]).all()
            return np.zeros(counts.shape[1], bool)

        monkeypatch.setattr(windows, "_judge", count)
        assert windows.run(300, 3, np.random.default_rng(1)).shape == (3,)
        assert sizes == [IDS * SEGMENTS // 5, 300, 300, 300]

    def test_a_simulation_is_reproducible(self):
        windows = SuccessiveWindows(scored(), scored(offset=0.25))
        first, again = (simulate(windows, 300, runs=4, length=6) for _ in range(2))
        assert first.shape == (4, 6)
        assert (first == again).all()


class TestAlarmRules:
    @pytest.mark.parametrize(
        ("rule", "begins", "delay"),
        [((1, 1), 3, 1), ((2, 2), 1, 6), ((2, 3), 2, 3), ((3, 3), 0, np.inf), ((3, 5), 1, 5)],
    )
    def test_an_alarm_is_counted_once_when_it_begins(self, rule, begins, delay):
        drifted = verdicts("X 0 X 0 X X 0 0 0 0")
        assert AlarmRule(*rule).begins(drifted).tolist() == [begins]
        assert AlarmRule(*rule).delays(drifted).tolist() == [delay]

    def test_false_alarms_are_scaled_to_a_month_of_hourly_windows(self):
        quiet, twice = "0 " * 72, "X 0 X " + "0 " * 69
        found = false_alarms(AlarmRule(1, 1), verdicts(quiet, twice))
        assert found.a_month == (0 + 2) / 2 * 720 / 72
        assert found.standard_error == pytest.approx(10 / 2**0.5)

    def test_detection_is_reported_at_once_and_one_window_later(self):
        drifted = verdicts("X X X X", "X 0 X X", "0 0 0 X", "0 X X X")
        found = detection(AlarmRule(2, 3), drifted)
        assert (found.at_once, found.one_more, found.median) == (0.25, 0.75, 3.0)

    def test_the_default_rule_is_among_the_compared_rules(self):
        assert DEFAULT in RULES


class TestShifts:
    @pytest.mark.parametrize("name", SHIFTS)
    def test_a_zero_shift_keeps_posts_and_a_full_shift_changes_them(self, name):
        posts = make_posts(20)
        # As text, in which a missing number is the same as another.
        assert str(list(SHIFTS[name](posts, 0.0))) == str(list(posts))
        assert str(list(SHIFTS[name](posts, 1.0))) != str(list(posts))

    def test_the_smallest_grade_with_the_required_cost_is_found(self):
        grade, cost = grade_that_costs(
            lambda posts: 0.8 - 0.1 * sum(posts), [], lambda _, grade: [grade]
        )
        assert grade == pytest.approx(0.5, abs=0.01)
        assert cost == pytest.approx(COST, abs=0.001)

    def test_a_shift_below_the_required_cost_gets_the_full_grade(self):
        grade, cost = grade_that_costs(
            lambda posts: 0.8 - 0.01 * sum(posts), [], lambda _, grade: [grade]
        )
        assert (grade, cost) == (1.0, pytest.approx(0.01))


def test_above_the_limit_a_sample_of_the_window_is_compared():
    found = cost.measure(1_000, maximum=600)
    assert (found["rows"], found["compared"]) == (1_000, 600)
    assert min(found[f"{part}_seconds"] for part in ("read", "compare", "page")) > 0
