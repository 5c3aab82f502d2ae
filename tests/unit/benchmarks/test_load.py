"""The load benchmark's metrics, and its definition of a loss."""

import pytest

from benchmarks.load.processes import PRODUCER, Process, by_part
from benchmarks.load.report import LoadStep, Point, compare, draw, is_faithful, rows


def test_a_step_has_the_rates_and_batches_of_its_own_seconds():
    steps = [LoadStep("100", 100, 10.0, 12.0, 200), LoadStep("backlog", 0, 12.0, 13.0, 0)]
    points = [
        Point(10, 50.0, 1.0, 50.0, 5.0),
        Point(11, 90.0, 3.0, 90.0, 7.0),
        Point(12, 60.0, 4.0, 60.0, 9.0),
    ]
    first, backlog = rows(steps, points)
    assert (first.records_in, first.records_out) == (100.0, 70.0)
    assert (first.iterator_age_seconds, first.batch_size) == (3.0, 70.0)
    assert first.function_milliseconds == 6.0
    assert (backlog.records_in, backlog.records_out) == (0.0, 60.0)


def test_an_idle_step_has_no_age_and_no_batches():
    (row,) = rows([LoadStep("1", 1, 10.0, 11.0, 1)], [Point(10, 0.0, None, None, None)])
    assert (row.iterator_age_seconds, row.batch_size, row.function_milliseconds) == (None,) * 3


def test_a_second_with_a_step_change_counts_for_the_earlier_step():
    steps = [LoadStep("1", 1, 10.0, 11.5, 1), LoadStep("2", 1, 11.5, 13.0, 1)]
    points = [Point(second, float(second), None, None, None) for second in (10, 11, 12)]
    assert [row.records_out for row in rows(steps, points)] == [10.5, 12.0]


NOTHING_WRONG = compare(["a", "b"], ["a", "b"], {"a", "b"}) | {"quarantined": 0}


def test_a_run_without_faults_passes():
    assert is_faithful(NOTHING_WRONG)


@pytest.mark.parametrize(
    ("archived", "streamed", "fault"),
    [
        (["a"], {"a", "b"}, "lost_in_archive"),
        (["a", "b"], {"a"}, "lost_on_stream"),
        (["a", "b", "c"], {"a", "b"}, "never_sent"),
        (["a", "b", "b"], {"a", "b"}, "archived_twice"),
    ],
)
def test_lost_duplicate_and_unknown_records_fail_the_run(archived, streamed, fault):
    counted = compare(["a", "b"], archived, streamed)
    assert counted[fault] == 1
    assert not is_faithful(counted | {"quarantined": 0})


@pytest.mark.parametrize("change", [{"quarantined": 1}, {"sent": 0}])
def test_a_run_with_quarantined_posts_or_none_sent_fails(change):
    assert not is_faithful(NOTHING_WRONG | change)


def test_seconds_with_and_without_batches_are_drawn(tmp_path):
    steps = [
        {"name": "1", "start": 10.0, "end": 11.0, "sent": 1},
        {"name": "backlog", "start": 11.0, "end": 12.0, "sent": 0},
    ]
    measured = {"records_out": 1.0, "iterator_age_seconds": 1.0, "batch_size": 1.0}
    nothing = dict.fromkeys([*measured, "function_milliseconds"])
    points = [
        {"second": 10, **measured, "function_milliseconds": 5.0},
        {"second": 11, **nothing, "records_out": 0.0},
    ]
    draw({"steps": steps, "points": points}, tmp_path / "load.svg")
    assert "<!-- records a second -->" in (tmp_path / "load.svg").read_text()


def test_processor_time_is_split_by_the_parts_of_the_own_stack():
    python = b"python\0"
    found = by_part(
        [
            Process(1, 0, b"init", 9.0),
            Process(10, 1, python + b"-m\0benchmarks.load\0", 1.0),
            Process(11, 10, python + b"-m\0local\0/tmp/stack\0", 2.0),
            Process(12, 11, python + b"-m\0local.emulator.process\0", 4.0),
            Process(13, 12, python + b"/tmp/ministack-lambda-predictor.py\0", 8.0),
            Process(14, 12, python + b"/tmp/ministack-lambda-drift.py\0", 16.0),
            Process(21, 1, python + b"-m\0local\0/tmp/another\0", 32.0),
        ],
        own=10,
    )
    assert found == {
        PRODUCER: 1.0,
        "functions": 24.0,
        "emulator": 4.0,
        "event source mapping, metrics, alarms": 2.0,
    }
