"""The calendar of the simulated month, and its verdict on the observed events."""

from collections import Counter
from types import SimpleNamespace

import pytest

from benchmarks.month.calendar import OUTAGE, POSTS_A_DAY, Phase, make_month
from benchmarks.month.promises import promises
from benchmarks.month.scenario import DayReport
from cli.data.synthetic import generate_posts
from local import LocalStackError
from local.clock import accelerated_clock

BASE, DAYS = make_month(generate_posts(7))


def test_days_have_equally_many_posts_and_drifted_ones_more_labels():
    assert [len(day.posts) + len(day.others) for day in DAYS] == [POSTS_A_DAY] * 30
    labelled = {phase: {len(day.posts) for day in DAYS if day.phase is phase} for phase in Phase}
    assert labelled[Phase.QUIET] == {20}
    assert labelled[Phase.GRADUAL] == labelled[Phase.ABRUPT] == {50}


def test_too_few_posts_for_a_month_are_an_error():
    with pytest.raises(ValueError, match=r"\d+ posts of a kind are too few for a month"):
        make_month(list(generate_posts(7))[:1000])


def test_streamed_posts_are_unique_and_new_to_the_first_model():
    sent = Counter(labelled.post.post_id for day in DAYS for labelled in day.posts)
    assert set(sent.values()) == {1}
    assert not sent.keys() & {labelled.post.post_id for labelled in BASE}


def test_unlabelled_posts_have_their_own_ids_and_distinct_texts():
    labelled = {one.post.post_id for day in DAYS for one in day.posts}
    for day in DAYS:
        assert not labelled & {one.post.post_id for one in day.others}
        texts = [one.post.text for one in (*day.posts, *day.others)]
        assert len(set(texts)) == len(texts)


def test_labels_arrive_two_days_late_except_in_the_outage():
    ids = {day.number: {one.post.post_id for one in day.posts} for day in DAYS}
    for day in DAYS:
        labelled = {one.post.post_id for one in day.labels}
        if day.number in OUTAGE:
            assert not labelled
        elif day.number == OUTAGE.stop:
            assert labelled == set().union(*(ids[number] for number in range(16, 23)))
            assert len(day.labels) > len(labelled)
        elif day.number > 2 and not day.poisons and day.number != 27:
            assert labelled == ids[day.number - 2]


def test_labels_are_flipped_once_and_corrected_the_day_after():
    truth = {one.post.post_id: one.label for day in DAYS for one in day.posts}
    poisoned, corrected = DAYS[25], DAYS[26]
    assert poisoned.poisons
    assert all(one.label != truth[one.post.post_id] for one in poisoned.labels)
    assert {one.post.post_id for one in corrected.labels} >= {
        one.post.post_id for one in poisoned.labels
    }
    assert all(one.label == truth[one.post.post_id] for one in corrected.labels)


def a_month():
    """The observations of a month in which every promise is kept, and little else."""
    reports = []
    for day in DAYS:
        one = DayReport(day.number, "", day.phase, POSTS_A_DAY, len(day.labels), len(day.posts))
        one.alarm = day.number in (*range(11, 17), *range(19, 25))
        one.champion = "third" if day.number in (25, 26, 27) else "first"
        if 16 <= day.number < 25 or day.number >= 28:
            one.champion = "second"
        one.labelled_posts, one.f1 = (150, 0.8) if day.number not in OUTAGE else (0, None)
        reports.append(one)
    runs = {
        11: ("drift_alarm", "rejected", "x"),
        16: ("schedule", "promoted", "second"),
        19: ("drift_alarm", "declined", ""),
        25: ("schedule", "promoted", "third"),
        26: ("operator", "rejected", "y"),
    }
    for number, (trigger, outcome, version) in runs.items():
        run = {"trigger": trigger, "outcome": outcome, "version": version, "why": "so"}
        reports[number - 1].retrainings.append(run)
    reports[27].rolled_back, reports[27].seconds_to_serve = "third", 2.0
    return SimpleNamespace(reports=reports, sent={"post"}, predicted={"post"})


def broken(month):
    return [promise.promise for promise in promises(month) if not promise.kept]


def test_a_month_without_incidents_keeps_every_promise():
    assert broken(a_month()) == []


def alarms(day, *, alarm):
    return lambda month: setattr(month.reports[day - 1], "alarm", alarm)


def ends(day, outcome):
    return lambda month: month.reports[day - 1].retrainings[0].update(outcome=outcome)


def shows(day, **figures):
    return lambda month: [setattr(month.reports[day - 1], *figure) for figure in figures.items()]


ALARM_ONCE = "each alarm asks for one retraining when it begins"
ACCEPTED = "each new champion was accepted by the gate"


@pytest.mark.parametrize(
    ("breach", "promises_broken"),
    [
        (lambda month: month.predicted.clear(), {"no post is lost"}),
        (alarms(3, alarm=True), {"posts like the base data set off no alarm", ALARM_ONCE}),
        (
            lambda month: [alarms(day, alarm=False)(month) for day in range(11, 14)],
            {"gradual drift is noticed while it grows", ALARM_ONCE},
        ),
        (lambda month: month.reports[10].retrainings.clear(), {ALARM_ONCE}),
        (
            ends(16, "rejected"),
            {"what learned enough of the new posts is promoted", ACCEPTED},
        ),
        (
            alarms(18, alarm=True),
            {"posts like those that the new champion learned set off none", ALARM_ONCE},
        ),
        (alarms(19, alarm=False), {"an abrupt shift is noticed on its day", ALARM_ONCE}),
        (shows(20, f1=0.8), {"without enough labels, live quality has no value"}),
        (ends(19, "rejected"), {"no model is trained while labels are missing"}),
        (
            shows(24, labelled_posts=165),
            {"late and repeated labels count once each"},
        ),
        (
            ends(26, "promoted"),
            {"a challenger from flipped labels is rejected"},
        ),
        (
            shows(28, seconds_to_serve=61.0),
            {"a rollback takes less than a minute, and lasts"},
        ),
        (
            shows(30, champion="third"),
            {"a rollback takes less than a minute, and lasts"},
        ),
        (shows(29, champion="unknown"), {ACCEPTED}),
    ],
)
def test_a_broken_promise_is_detected_and_named(breach, promises_broken):
    month = a_month()
    breach(month)
    assert set(broken(month)) == promises_broken


def test_a_missing_libfaketime_is_an_error_with_the_install_command():
    with pytest.raises(LocalStackError, match="apt-get install faketime"):
        accelerated_clock.library(places=())
