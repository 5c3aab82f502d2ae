"""The plan of a workflow run, from the contents of the archives."""

from datetime import UTC, datetime, timedelta

import pytest

from stresswatch.settled.places import NOTHING, PREDICTIONS, SHADOW, Part
from stresswatch.settled.plan import (
    JOBS_A_RUN,
    Job,
    as_settled,
    asked_windows,
    holding,
    plan_asked,
    plan_scheduled,
    scheduled_windows,
)
from stresswatch.settled.sources import Sources, sources
from stresswatch.settled.summaries import Summary
from stresswatch.settled.windows import LAG, InvalidWindow, Window
from stresswatch.storage.archive import ArchivedObject

HOUR = timedelta(hours=1)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
GRID = scheduled_windows(NOON + LAG, 60)


def hour(number):
    """The window that begins this many hours after noon."""
    return Window(NOON + number * HOUR, NOON + (number + 1) * HOUR)


def one(first, last, at, arrived=None, shard="s0"):
    return ArchivedObject(shard, first, last, arrived or at, at, f"{shard}-{first}-{last}-{at}")


def settled(part, objects=()):
    found = sources(sorted(objects, key=lambda found: found.at), part.window)
    return Summary(part, found.digest, found.objects, 0, ())


def held(windows=GRID, shards=(), summaries=(), archive=PREDICTIONS):
    return holding(archive, windows, shards, summaries)


NONE_OF_SHADOW = held(archive=SHADOW)


def planned(predictions, shadow=NONE_OF_SHADOW, measured=(), hours=6, grid=GRID):
    return plan_scheduled(predictions, [shadow], grid, measured, hours)


def names(windows):
    return [window.name for window in windows]


class TestGrid:
    def test_a_schedule_covers_the_windows_that_ended_within_a_day(self):
        assert [hour(number) for number in range(-24, 0)] == GRID
        late = scheduled_windows(NOON + timedelta(minutes=50), 60)
        assert late == GRID
        assert scheduled_windows(NOON, 60)[-1] == hour(-2)

    def test_a_requested_span_covers_all_overlapping_windows(self):
        asked = Window(NOON + timedelta(minutes=30), NOON + timedelta(minutes=150))
        later = NOON + 9 * HOUR
        assert asked_windows(asked, 60, later) == [hour(0), hour(1), hour(2)]

    def test_a_requested_span_includes_the_windows_before_and_after_it(self):
        whole = Window(NOON, NOON + HOUR)
        assert asked_windows(whole, 60, NOON + 9 * HOUR) == [hour(-1), hour(0), hour(1)]

    def test_the_running_window_is_the_last_of_a_requested_span(self):
        now = NOON + timedelta(minutes=70)
        begun = Window(NOON + timedelta(minutes=5), NOON + 9 * HOUR)
        assert asked_windows(begun, 60, now) == [hour(0), hour(1)]
        with pytest.raises(InvalidWindow, match="not begun"):
            asked_windows(Window(now, NOON + 9 * HOUR), 60, now)

    def test_windows_of_the_previous_grid_stay_and_gaps_are_filled(self):
        quarter = timedelta(minutes=15)
        former = [Window(NOON + n * quarter, NOON + (n + 1) * quarter) for n in (0, 1, 4)]
        assert as_settled([hour(-1), hour(0), hour(1)], former) == [
            hour(-1),
            *former[:2],
            Window(NOON + 2 * quarter, NOON + HOUR),
            former[2],
            Window(NOON + HOUR + quarter, NOON + 2 * HOUR),
        ]

    def test_a_longer_window_of_the_previous_grid_stays_whole(self):
        grid = Window.grid(NOON, NOON + HOUR, 15)
        assert as_settled(grid, [hour(0)]) == [hour(0)]

    def test_an_unchanged_grid_stays_the_same(self):
        assert as_settled(GRID, GRID[3:7]) == GRID


class TestSources:
    def test_sources_include_the_window_and_earlier_overlaps(self):
        before = [one(1, 4, NOON - HOUR), one(5, 9, NOON - HOUR), one(20, 29, NOON - HOUR)]
        within = [one(9, 12, NOON, NOON - HOUR), one(13, 19, NOON + timedelta(minutes=59))]
        after = [one(9, 12, NOON + HOUR)]
        found = sources([*before, *within, *after], hour(0))
        assert (found.of_window, found.earlier) == (within, [before[1]])
        assert found.objects == 3

    def test_earlier_sources_reach_back_two_hours_before_arrival(self):
        before = [
            one(1, 4, NOON - timedelta(minutes=181)),
            one(1, 4, NOON - timedelta(minutes=180)),
        ]
        found = sources([*before, one(1, 4, NOON, NOON - HOUR)], hour(0))
        assert found.earlier == before[1:]

    def test_a_wide_earlier_range_is_found_despite_a_narrow_one(self):
        before = [one(1, 100, NOON - HOUR), one(50, 51, NOON - HOUR)]
        found = sources([*before, one(60, 61, NOON), one(99, 99, NOON)], hour(0))
        assert found.earlier == before[:1]

    def test_the_digest_covers_the_names_regardless_of_order(self):
        first, second = one(1, 4, NOON), one(5, 9, NOON)
        assert Sources([first, second], []).digest == Sources([second], [first]).digest
        assert Sources([first], []).digest != Sources([first, second], []).digest
        assert len(Sources([], []).digest) == 64


class TestStale:
    def test_a_part_without_a_summary_is_stale(self):
        found = held(shards=[[one(1, 4, NOON - HOUR)], [one(1, 4, NOON - HOUR, shard="s1")]])
        assert found.stale == [
            Job(PREDICTIONS, Part(hour(-1), "s0")),
            Job(PREDICTIONS, Part(hour(-1), "s1")),
        ]

    def test_a_part_settled_with_all_its_objects_is_not_stale(self):
        objects, part = [one(1, 4, NOON - HOUR)], Part(hour(-1), "s0")
        assert held(shards=[objects], summaries=[settled(part, objects)]).stale == []

    def test_a_late_or_earlier_object_makes_a_part_stale(self):
        objects, part = [one(1, 4, NOON - HOUR)], Part(hour(-1), "s0")
        for late in (one(5, 9, NOON - HOUR), one(4, 4, NOON - 2 * HOUR)):
            found = held(
                shards=[sorted([*objects, late], key=lambda found: found.at)],
                summaries=[settled(part, objects)],
            )
            assert Job(PREDICTIONS, part) in found.stale

    def test_a_part_with_expired_objects_is_not_stale(self):
        objects, part = [one(1, 4, NOON - HOUR), one(5, 9, NOON - HOUR)], Part(hour(-1), "s0")
        summaries = [settled(part, objects)]
        assert held(shards=[objects[:1]], summaries=summaries).stale == []
        assert held(shards=[], summaries=summaries).stale == []


class TestScheduled:
    def test_a_new_stack_settles_and_measures_only_the_newest_window(self):
        plan = planned(held())
        assert plan.jobs == [Job(PREDICTIONS, Part(hour(-1), NOTHING))]
        assert plan.windows == [(hour(-1), 1)]

    def test_empty_windows_after_the_first_data_are_settled(self):
        plan = planned(held(shards=[[one(1, 4, NOON - 3 * HOUR)]]))
        assert [(job.part.window, job.part.shard) for job in plan.jobs] == [
            (hour(-3), "s0"),
            (hour(-2), NOTHING),
            (hour(-1), NOTHING),
        ]
        assert plan.windows == [(hour(number), 1) for number in (-3, -2, -1)]

    def test_measured_windows_except_the_newest_are_left_alone(self):
        summaries = [settled(Part(hour(number), NOTHING)) for number in (-3, -2, -1)]
        plan = planned(held(summaries=summaries), measured=names(GRID))
        assert plan.jobs == []
        assert plan.windows == [(hour(-1), 1)]

    def test_a_settled_unmeasured_window_is_measured(self):
        summaries = [settled(Part(hour(number), NOTHING)) for number in (-3, -2, -1)]
        plan = planned(held(summaries=summaries), measured=names([hour(-3), hour(-1)]))
        assert plan.windows == [(hour(-2), 1), (hour(-1), 1)]

    def test_a_window_settled_again_is_measured_again(self):
        objects = [one(1, 4, NOON - 2 * HOUR)]
        summaries = [settled(Part(hour(number), NOTHING)) for number in (-3, -2, -1)]
        plan = planned(held(shards=[objects], summaries=summaries), measured=names(GRID))
        assert plan.jobs == [Job(PREDICTIONS, Part(hour(-2), "s0"))]
        assert plan.windows == [(hour(-2), 1), (hour(-1), 1)]

    def test_a_window_counts_settled_and_unsettled_shards(self):
        shards = [[one(1, 4, NOON - HOUR, shard=f"s{number}")] for number in range(3)]
        summaries = [settled(Part(hour(-1), shard)) for shard in ("s7", NOTHING)]
        assert planned(held(shards=shards, summaries=summaries)).windows == [(hour(-1), 4)]

    def test_shadow_predictions_are_settled_but_not_measured(self):
        shadow = held(shards=[[one(1, 4, NOON - 2 * HOUR)]], archive=SHADOW)
        summaries = [settled(Part(hour(number), NOTHING)) for number in (-3, -2, -1)]
        plan = planned(held(summaries=summaries), shadow, measured=names(GRID))
        assert plan.jobs == [Job(SHADOW, Part(hour(-2), "s0"))]
        assert plan.windows == [(hour(-1), 1)]

    def test_with_too_many_jobs_the_oldest_come_first(self):
        at = [NOON - 2 * HOUR, NOON - HOUR]
        shards = [
            [one(1, 4, timestamp, shard=f"s{number:04}") for timestamp in at]
            for number in range(JOBS_A_RUN - 1)
        ]
        plan = planned(held(shards=shards))
        assert len(plan.jobs) == JOBS_A_RUN
        assert {job.part.window for job in plan.jobs[:-1]} == {hour(-2)}
        assert plan.windows == [(hour(-2), JOBS_A_RUN - 1)]

    @pytest.mark.parametrize(
        ("every", "due"),
        [(1, range(1, 25)), (6, (6, 12, 18, 24)), (24, (24,)), (5, (5, 10, 15, 20, 24))],
    )
    def test_quality_is_due_at_each_multiple_of_its_interval(self, every, due):
        midnight = NOON - 12 * HOUR
        found = []
        for number in range(1, 25):
            grid = scheduled_windows(midnight + number * HOUR + LAG, 60)
            plan = planned(held(grid), hours=every, grid=grid)
            if plan.quality:
                assert plan.quality == midnight + number * HOUR
                found.append(number)
        assert found == [*due]

    def test_quality_is_due_once_per_interval_for_any_window_length(self):
        midnight = NOON - 12 * HOUR
        for minutes, ends in ((15, [6, 12, 18, 24]), (480, [8, 16, 24])):
            found = [
                (plan.quality - midnight) / HOUR
                for number in range(1, 1440 // minutes + 1)
                for grid in [
                    scheduled_windows(midnight + timedelta(minutes=number * minutes) + LAG, minutes)
                ]
                if (plan := planned(held(grid), grid=grid)).quality
            ]
            assert found == ends


class TestAsked:
    def test_a_requested_span_is_measured_as_one_window(self):
        windows = [hour(0), hour(1)]
        shards = [[one(1, 4, NOON), one(5, 9, NOON + HOUR)], [one(1, 4, NOON, shard="s1")]]
        asked = Window(NOON + timedelta(minutes=30), NOON + timedelta(minutes=90))
        plan = plan_asked(held(windows, shards), [NONE_OF_SHADOW], asked)
        assert len(plan.jobs) == 3
        assert plan.windows == [(asked, 3)]
        assert plan.quality == asked.end

    def test_empty_windows_are_settled_as_empty(self):
        plan = plan_asked(held([hour(0), hour(1)]), [NONE_OF_SHADOW], Window(NOON, NOON + 2 * HOUR))
        assert [job.part for job in plan.jobs] == [Part(hour(0), NOTHING), Part(hour(1), NOTHING)]
        assert plan.windows[0][1] == 2


def test_a_job_round_trips():
    job = Job(SHADOW, Part(hour(0), "s0"))
    assert Job.of(job.to_dict()) == job


def test_a_plan_has_the_workflows_format():
    plan = planned(held(shards=[[one(1, 4, NOON - HOUR)]]))
    assert plan.to_dict() == {
        "jobs": [
            {
                "archive": "predictions",
                "start": "2026-11-23T11:00:00+00:00",
                "end": "2026-11-23T12:00:00+00:00",
                "shard": "s0",
            }
        ],
        "windows": [
            {
                "start": "2026-11-23T11:00:00+00:00",
                "end": "2026-11-23T12:00:00+00:00",
                "shards": 1,
            }
        ],
        "quality": {"time": "2026-11-23T12:00:00+00:00"},
    }
