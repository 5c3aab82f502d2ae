from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest

from stresswatch.settled.windows import LAG, Window


def at(text):
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("timestamp", "minutes", "start", "end"),
    [
        ("2026-11-23T11:02:00+00:00", 60, "2026-11-23T10:00+00:00", "2026-11-23T11:00+00:00"),
        ("2026-11-23T11:01:59+00:00", 60, "2026-11-23T09:00+00:00", "2026-11-23T10:00+00:00"),
        ("2026-11-23T11:44:00+00:00", 60, "2026-11-23T10:00+00:00", "2026-11-23T11:00+00:00"),
        ("2026-11-23T00:03:00+00:00", 5, "2026-11-22T23:55+00:00", "2026-11-23T00:00+00:00"),
        ("2026-11-23T12:00:00+00:00", 1440, "2026-11-22T00:00+00:00", "2026-11-23T00:00+00:00"),
        ("2026-11-23T13:02:00+02:00", 60, "2026-11-23T10:00+00:00", "2026-11-23T11:00+00:00"),
    ],
)
def test_a_time_maps_to_the_last_window_that_ended_before_the_lag(timestamp, minutes, start, end):
    assert Window.before(at(timestamp), minutes) == Window(at(start), at(end))


@pytest.mark.parametrize("minutes", [5, 15, 60, 180, 1440])
def test_scheduled_windows_are_contiguous(minutes):
    first = datetime(2026, 11, 23, tzinfo=UTC) + LAG
    windows = [
        Window.before(first + timedelta(minutes=minutes * number), minutes) for number in range(30)
    ]
    for before, after in pairwise(windows):
        assert before.end == after.start


def test_the_name_is_in_utc_and_sorts_by_time():
    zone = timezone(timedelta(hours=2))
    window = Window(datetime(2026, 11, 23, 12, 30, tzinfo=zone), at("2026-11-23T11:30+00:00"))
    assert window.name == "20261123T103000Z-20261123T113000Z"


@pytest.mark.parametrize("minutes", [5, 15, 60, 180, 1440])
def test_a_grid_has_exactly_the_overlapping_windows(minutes):
    start, end = at("2026-11-23T10:07:30+00:00"), at("2026-11-24T01:00+00:00")
    grid = Window.grid(start, end, minutes)
    assert all(window.overlaps(start, end) for window in grid)
    assert grid[0].start <= start < grid[0].end
    assert grid[-1].start < end <= grid[-1].end
    assert all(before.end == after.start for before, after in pairwise(grid))
    assert Window.before(grid[0].end + LAG, minutes) == grid[0]


def test_touching_windows_do_not_overlap():
    window = Window(at("2026-11-23T10:00+00:00"), at("2026-11-23T11:00+00:00"))
    assert not window.overlaps(window.end, at("2026-11-23T12:00+00:00"))
    assert not window.overlaps(at("2026-11-23T09:00+00:00"), window.start)
    assert window.overlaps(at("2026-11-23T10:59+00:00"), at("2026-11-23T12:00+00:00"))
    assert window.is_within(window)
    assert not window.is_within(Window(at("2026-11-23T10:01+00:00"), window.end))
