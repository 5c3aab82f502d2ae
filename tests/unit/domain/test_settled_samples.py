"""Samples of parts, merged: the rows that represent a window, and its number of posts."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256

from stresswatch.settled.samples import PartSample, merge
from stresswatch.settled.windows import Window

START = datetime(2026, 11, 23, 10, tzinfo=UTC)
HOUR = Window(START, START + timedelta(hours=1))
NEXT = Window(HOUR.end, HOUR.end + timedelta(hours=1))


def rows(count, window=HOUR, first=0):
    """Rows of a window, spread over it evenly, in the order of their ids."""
    length = (window.end - window.start) / count
    return sorted(
        (
            {
                "prediction_id": sha256(f"{first + place}".encode()).hexdigest()[:32],
                "predicted_at": window.start + place * length,
                "place": place,
            }
            for place in range(count)
        ),
        key=lambda row: row["prediction_id"],
    )


def part(of, kept, window=HOUR):
    return PartSample(window, of[:kept], len(of))


def test_few_rows_are_all_kept():
    found = merge([part(rows(5), 10), part(rows(5, first=5), 10)], 10, HOUR)
    assert ([row["prediction_id"] for row in found.rows], found.posts) == (
        sorted(row["prediction_id"] for row in rows(10)),
        10,
    )


def test_many_rows_are_reduced_to_those_with_the_smallest_ids():
    parts = [part(rows(1000, first=1000 * place), 100) for place in range(3)]
    found = merge(parts, 100, HOUR)
    assert [row["prediction_id"] for row in found.rows] == [
        row["prediction_id"] for row in rows(3000)[:100]
    ]
    assert found.posts == 3000


def test_a_short_sample_limits_the_ids_of_all_parts():
    """As after a change of the setting: other parts must not fill the gap."""
    short, long = rows(1000), rows(1000, first=1000)
    found = merge([part(short, 20), part(long, 200)], 100, HOUR)
    both = sorted([*short, *long], key=lambda row: row["prediction_id"])
    last = short[19]["prediction_id"]
    assert found.rows == [row for row in both if row["prediction_id"] <= last]
    assert 30 < len(found.rows) < 100


def test_rows_are_kept_at_random():
    places = [row["place"] for row in merge([part(rows(10_000), 1000)], 1000, HOUR).rows]
    by_tenth = [sum(place // 1000 == tenth for place in places) for tenth in range(10)]
    # 100 are expected of each, with a standard deviation below 10.
    assert min(by_tenth) > 60
    assert max(by_tenth) < 140


def test_only_rows_within_the_window_are_kept_and_counted():
    half = Window(START + timedelta(minutes=30), NEXT.end)
    found = merge([part(rows(60), 100), part(rows(40, NEXT, first=60), 100, NEXT)], 200, half)
    assert (len(found.rows), found.posts) == (70, 70)
    assert all(row["predicted_at"] >= half.start for row in found.rows)


def test_posts_of_a_partial_sample_are_estimated_from_its_share():
    quarter = Window(START, START + timedelta(minutes=15))
    found = merge([part(rows(4000), 1000)], 1000, quarter)
    assert all(row["predicted_at"] < quarter.end for row in found.rows)
    assert found.posts == 4 * len(found.rows)
    assert 900 < found.posts < 1100  # a standard deviation is 47


def test_merging_without_parts_gives_an_empty_sample():
    assert merge([], 10, HOUR).rows == []
    assert merge([], 10, HOUR).posts == 0
