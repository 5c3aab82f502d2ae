"""`queue --width`: the number of labels for a stress rate interval of this width."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from cli.label_queue.narrowing import needs
from stresswatch.contracts.sampling import Draw, SampleKind
from stresswatch.rates.cells import Period, Rate, RateMethod, week_of
from stresswatch.rates.rate_table import write_rates
from stresswatch.storage.label_queue import QueuedPost
from tests.integration.labelling.drawn import POSTS
from tests.unit.rates import worlds

MONDAY = worlds.MONDAY
"""For the week on whose first two days the queue's posts were sampled."""
WEEK = replace(worlds.WEEK, represented=6_000, low=0.34, high=0.46, variance=0.03**2)
FEW = dict.fromkeys(("corrected_rate", "low", "high", "variance", "tuning")) | {
    "method": RateMethod.NOT_CORRECTED,
    "labelled": 12,
}
RATES = [
    replace(WEEK, start=MONDAY - timedelta(weeks=1)),
    replace(WEEK, period=Period.DAY),
    WEEK,
    replace(WEEK, source="anxiety", **FEW),
    Rate(Period.WEEK, MONDAY, "homeless", RateMethod.SUPPRESSED),
    replace(WEEK, source="ptsd", low=0.38, high=0.42, represented=3_000),
    replace(WEEK, start=MONDAY + timedelta(weeks=1), **FEW),
]
MISSING = 232
"""For a width of 8 points: 1 / ((1/200 - 1/6000) * (8/12)² + 1/6000) labels, less the 200."""


def queued(day, post):
    draw = Draw(0.01, 0.05, SampleKind.RANDOM)
    return QueuedPost(f"{day}-{post.post_id}", post, 0.9, "v1", f"{day}T09:00:00+00:00", draw)


def test_missing_labels_are_counted_for_the_newest_estimated_week():
    waiting = [
        queued("2026-11-22", POSTS[0]),
        queued("2026-11-23", POSTS[0]),
        queued("2026-11-29", POSTS[1]),
        queued("2026-11-29", POSTS[2]),
        queued("2026-11-30", POSTS[1]),
    ]
    found = needs(8.0, RATES, waiting)
    assert found.week == MONDAY
    rows = {need.rate.source: (need.missing, need.waiting) for need in found.needs}
    assert rows == {None: (MISSING, 3), "anxiety": (None, 1), "ptsd": (0, 1)}


@pytest.mark.parametrize("rates", [[], RATES[3:4], RATES[-1:], RATES[1:2]])
def test_without_a_weekly_estimate_there_is_nothing_to_narrow(rates):
    found = needs(8.0, rates, [])
    assert (found.week, found.needs) == (None, [])


def test_the_command_shows_missing_labels_beside_waiting_posts(aws, run):
    monday = week_of(datetime.now(UTC).date())
    write_rates(aws.s3, "archive", [replace(WEEK, start=monday)])
    shown = run("queue", "--width", 8)
    assert shown.exit_code == 0, shown.output
    assert "4 posts wait for a label" in shown.stdout
    assert f"Labels for an interval of 8 points, week of {monday}" in shown.stdout
    assert "All communities" in shown.stdout
    assert f" {MISSING} " in shown.stdout
    found = json.loads(run("queue", "--width", 8, "--json").stdout)
    assert found["waiting"] == 4
    (row,) = found["interval"].pop("communities")
    assert found["interval"] == {"points": 8.0, "week": monday.isoformat()}
    assert (row["source"], row["labelled"], row["missing"]) == (None, 200, MISSING)
    assert (row["low"], row["corrected_rate"], row["high"]) == (0.34, 0.4, 0.46)


def test_before_the_first_estimate_the_command_says_what_to_do(run):
    said = " ".join(run("queue", "--width", 8).stdout.split())
    assert "No week has an estimate yet, so there is no interval to narrow." in said
    assert "Label 30 sampled posts of one day, and run `stresswatch measure`." in said
    interval = json.loads(run("queue", "--width", 8, "--json").stdout)["interval"]
    assert interval == {"points": 8.0, "week": None, "communities": []}


@pytest.mark.parametrize("width", [0, -5, 101])
def test_a_width_outside_0_to_100_points_is_rejected(run, width):
    assert run("queue", "--width", width).exit_code == 2
