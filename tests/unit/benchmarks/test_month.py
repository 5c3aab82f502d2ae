"""The calendar of the month: what is dealt out when; and the judgement of what was seen."""

from collections import Counter

import pytest

from benchmarks.month.calendar import LABELLED_A_DAY, UNLABELLED_A_DAY, make_month
from cli.data.synthetic import generate_posts
from local import LocalStackError, driven_clock

BASE, DAYS = make_month(generate_posts(7))


def test_thirty_days_have_as_many_posts_each():
    assert [len(day.posts) for day in DAYS] == [LABELLED_A_DAY] * 30
    assert [len(day.others) for day in DAYS] == [UNLABELLED_A_DAY] * 30


def test_no_post_comes_twice_and_none_that_the_first_model_learns_from_comes_at_all():
    sent = Counter(labelled.post.post_id for day in DAYS for labelled in day.posts)
    assert set(sent.values()) == {1}
    assert not sent.keys() & {labelled.post.post_id for labelled in BASE}


def test_what_nobody_labels_has_ids_of_its_own_and_no_text_twice_on_a_day():
    labelled = {one.post.post_id for day in DAYS for one in day.posts}
    for day in DAYS:
        assert not labelled & {one.post.post_id for one in day.others}
        texts = [one.post.text for one in (*day.posts, *day.others)]
        assert len(set(texts)) == len(texts)


def test_labels_come_two_days_late_but_for_the_outage():
    ids = {day.number: {one.post.post_id for one in day.posts} for day in DAYS}
    for day in DAYS:
        labelled = {one.post.post_id for one in day.labels}
        if 3 <= day.number < 18 or day.number == 30:
            assert labelled == ids[day.number - 2]
        elif 18 <= day.number < 23:
            assert not labelled
        elif day.number == 23:
            assert labelled == set().union(*(ids[number] for number in range(16, 22)))


def test_labels_are_turned_round_once_and_corrected_the_day_after():
    truth = {one.post.post_id: one.label for day in DAYS for one in day.posts}
    poisoned, corrected = DAYS[25], DAYS[26]
    assert poisoned.poisons
    assert all(one.label != truth[one.post.post_id] for one in poisoned.labels)
    assert {one.post.post_id for one in corrected.labels} >= {
        one.post.post_id for one in poisoned.labels
    }
    assert all(one.label == truth[one.post.post_id] for one in corrected.labels)


def test_without_libfaketime_a_sentence_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(driven_clock, "_PLACES", ())
    with pytest.raises(LocalStackError, match="apt-get install faketime"):
        driven_clock.library()
