import itertools
import json
import tracemalloc
from datetime import UTC, datetime, timedelta

import pytest

from stresswatch.contracts.posts import NUMERIC_FEATURES
from stresswatch.storage.assembly import assemble
from stresswatch.storage.training_sets import (
    CLOCK_TOLERANCE,
    LARGEST_NUMBER,
    contradictions,
)
from stresswatch.storage.training_sources import BaseSource
from tests.training_sets import UPLOADED, assembled, content_of

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def line(post_id, label, labelled_at=None, text="words", **more):
    record = {"post_id": post_id, "text": text, "label": label} | more
    return json.dumps(record | ({"labelled_at": labelled_at} if labelled_at else {})).encode()


def labels_of(training_set):
    return {
        post.post.post_id: (post.label, post.labelled_at)
        for post in training_set.base + training_set.new
    }


def test_base_and_newly_labelled_posts_are_kept_apart():
    made = assembled([line("a", 0)], [line("b", 1, "2026-11-23T00:00:00Z")])
    assert [post.post.post_id for post in made.base] == ["a"]
    assert [post.post.post_id for post in made.new] == ["b"]


def test_the_newest_label_wins_in_any_order_and_time_zone():
    early, late = "2026-11-23T09:30:00+00:00", "2026-11-23T10:00:00+00:00"
    also_early = "2026-11-23T10:30:00+02:00"
    made = assembled(
        [line("a", 0)], [line("a", 1, late), line("a", 0, early), line("a", 0, also_early)]
    )
    assert labels_of(made) == {"a": (1, late)}


def test_a_base_post_stays_in_the_base_when_a_label_repeats_it():
    early, late = "2026-11-23T09:30:00+00:00", "2026-11-23T10:00:00+00:00"
    made = assembled([line("a", 0), line("b", 0)], [line("a", 0, late), line("b", 1, early)])
    assert labels_of(made) == {"a": (0, None), "b": (1, early)}
    taken_back = assembled([line("a", 0)], [line("a", 0, late), line("a", 1, early)])
    assert labels_of(taken_back) == {"a": (0, None)}


def test_segments_of_one_post_are_each_kept():
    made = assembled([line("a", 0, text="one"), line("a", 1, text="two")], [])
    assert len(made.base) == 2


def test_invalid_lines_are_counted_and_left_out():
    made = assembled(
        [b"{", line("a", 2), line("base with a date", 1, "2026-11-23T00:00:00Z")],
        [line("label without a date", 1)],
    )
    assert (made.base, made.new, made.invalid) == ([], [], 4)


@pytest.mark.parametrize(("times", "kept"), [(1, 1), (-1, 1), (1.001, 0), (-1.001, 0)])
def test_a_numeric_value_that_would_overflow_is_rejected(times, kept):
    record = json.loads(line("a", 1, "2026-11-23T00:00:00Z"))
    record[NUMERIC_FEATURES[0]] = times * LARGEST_NUMBER
    made = assembled([], [json.dumps(record).encode()])
    assert (len(made.new), made.invalid) == (kept, 1 - kept)


def test_the_same_posts_give_the_same_bytes_in_any_order():
    posts = [line("a", 0), line("b", 1), line("c", 1)]
    assert assembled(posts, []).content == assembled(posts[::-1], []).content


def test_a_training_set_round_trips():
    labels = [line("b", 1, "2026-11-23T00:00:00Z")]
    made = assembled([line("a", 0)], labels)
    lines = made.content.splitlines()
    assert assembled(lines[:1], lines[1:]) == made
    assert content_of(made.posts) == made.content


def ahead(**time):
    return (NOW + timedelta(**time)).isoformat()


@pytest.mark.parametrize(
    ("labels", "left"),
    [([1, 0, 1], (1, None)), ([0, 1], (1, None)), ([1, 0], (0, "2026-11-23T00:00:01Z"))],
)
def test_a_restored_label_counts_as_the_newest(labels, left):
    given = [line("a", label, f"2026-11-23T00:00:0{place}Z") for place, label in enumerate(labels)]
    for order in itertools.permutations(given):
        assert labels_of(assembled([line("a", 1)], order)) == {"a": left}


def test_a_future_label_is_ignored_and_counted():
    given = [line("a", 1, ahead(minutes=-1)), line("a", 0, "2099-01-01T00:00:00Z")]
    for order in (given, given[::-1]):
        made = assembled([], order, NOW)
        assert labels_of(made) == {"a": (1, ahead(minutes=-1))}
        assert (made.invalid, made.future) == (1, 1)


@pytest.mark.parametrize(
    ("labelled_at", "counts"),
    [
        ((NOW + CLOCK_TOLERANCE).isoformat(), 1),
        ((NOW + CLOCK_TOLERANCE + timedelta(microseconds=1)).isoformat(), 0),
        ("2026-11-24T00:04:00", 1),  # without a time zone it is in UTC
        ("2026-11-24T00:06:00", 0),
        ("2026-11-24T09:00:00+09:00", 1),
        ("2026-11-23T23:00:00-02:00", 0),
        ("9999-12-31T23:59:59-14:00", 0),
        ("0001-01-01T00:00:00+14:00", 1),
    ],
)
def test_a_clock_may_be_five_minutes_ahead_in_any_time_zone(labelled_at, counts):
    made = assembled([], [line("a", 1, labelled_at)], NOW)
    assert (len(made.new), made.future) == (counts, 1 - counts)


def test_of_simultaneous_labels_the_more_confident_one_counts():
    at = ("2026-11-23T10:00:00+00:00", "2026-11-23T10:00:00", "2026-11-23T12:00:00+02:00")
    given = [
        line("a", 1, at[0], confidence=0.5),
        line("a", 0, at[1], confidence=0.9),
        line("a", 1, at[2], confidence=0.7),
    ]
    for order in itertools.permutations(given):
        assert labels_of(assembled([], order)) == {"a": (0, at[1])}


def test_of_equally_confident_labels_the_positive_one_counts():
    at = "2026-11-23T10:00:00Z"
    given = [line("a", 0, at), line("a", 1, at)]
    assert (
        labels_of(assembled([], given)) == labels_of(assembled([], given[::-1])) == {"a": (1, at)}
    )


def test_contradictory_base_posts_are_counted_once_per_post():
    base = [line("a", 0), line("a", 1), line("a", 0), line("b", 1), line("b", 1), line("c", 0)]
    for order in (base, base[::-1]):
        made = assembled(order, [])
        assert made.contradictory == 1
        assert labels_of(made) == {"a": (1, None), "b": (1, None), "c": (0, None)}
    assert contradictions(made.posts) == 0


def test_near_identical_records_give_the_same_bytes_in_any_order():
    base = [line("a", 1, source="x"), line("a", 1, source="y"), line("a", 1, text=" Words ")]
    made = {assembled(order, []).content for order in itertools.permutations(base)}
    assert len(made) == 1


def test_a_post_is_identified_by_its_id_and_canonical_text():
    base = [line("a", 0, text="I can't  sleep")]
    label = line(
        "a", 1, "2026-11-23T00:00:00Z", text="i can\N{RIGHT SINGLE QUOTATION MARK}t sleep\n"
    )
    assert labels_of(assembled(base, [label])) == {"a": (1, "2026-11-23T00:00:00Z")}
    assert len(assembled(base, [line("b", 1, "2026-11-23T00:00:00Z")]).posts) == 2


def test_a_label_of_confidence_0_is_kept_and_counted():
    made = assembled([line("a", 0, confidence=0)], [line("b", 1, ahead(days=-1), confidence=0.0)])
    assert made.sources.counts.unweighted == 2
    again = assembled(*([one] for one in made.content.splitlines()))
    assert (again.sources.counts.unweighted, [one.confidence for one in again.posts]) == (2, [0, 0])


class TestNewLabels:
    BASE = line("a", 1)

    def new(self, before, after):
        known = assembled([self.BASE], before).posts
        with assemble([BaseSource("posts", UPLOADED, [self.BASE])], after) as made:
            return made.new_labels(known)

    def test_an_added_label_is_new(self):
        assert self.new([], [line("b", 1, ahead(days=-1))]) == 1

    def test_a_known_label_in_another_form_is_not_new(self):
        before = [line("b", 1, ahead(days=-1))]
        assert self.new(before, [*before, line("b", 1, ahead(hours=-1), text=" WORDS")]) == 0

    def test_a_restored_label_is_new(self):
        before = [line("a", 0, ahead(days=-1))]
        assert self.new(before, [*before, line("a", 1, ahead(hours=-1))]) == 1
        assert self.new([], [*before, line("a", 1, ahead(hours=-1))]) == 0


def test_assembly_does_not_hold_all_texts_in_memory():
    text = "words " * 200
    posts = 3_000
    tracemalloc.start()
    base = (line(f"p{number}", 0, text=f"{text} {number}") for number in range(posts))
    with assemble([BaseSource("posts", UPLOADED, base)], []) as made:
        assert made.has_base_holdout()
        written = sum(len(line) for line in made.lines())
        _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert written > posts * len(text)
    assert peak < written / 4
