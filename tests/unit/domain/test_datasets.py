import json

import pytest

from stresswatch.datasets import LARGEST_NUMBER, assemble
from stresswatch.posts import NUMERIC_FEATURES


def line(post_id, label, labelled_at=None, text="words"):
    record = {"post_id": post_id, "text": text, "label": label}
    return json.dumps(record | ({"labelled_at": labelled_at} if labelled_at else {})).encode()


def labels_of(training_set):
    return {
        post.post.post_id: (post.label, post.labelled_at)
        for post in training_set.base + training_set.fresh
    }


def test_base_and_fresh_posts_are_kept_apart():
    made = assemble([line("a", 0)], [line("b", 1, "2026-11-23T00:00:00Z")])
    assert [post.post.post_id for post in made.base] == ["a"]
    assert [post.post.post_id for post in made.fresh] == ["b"]


def test_of_several_labels_the_newest_wins_in_whatever_order_and_time_zone_they_come():
    early, late = "2026-11-23T09:30:00+00:00", "2026-11-23T10:00:00+00:00"
    also_early = "2026-11-23T10:30:00+02:00"
    made = assemble(
        [line("a", 0)], [line("a", 1, late), line("a", 0, early), line("a", 0, also_early)]
    )
    assert labels_of(made) == {"a": (1, late)}


def test_a_label_that_repeats_the_base_data_leaves_the_post_standing_unless_it_was_corrected():
    early, late = "2026-11-23T09:30:00+00:00", "2026-11-23T10:00:00+00:00"
    made = assemble([line("a", 0), line("b", 0)], [line("a", 0, late), line("b", 1, early)])
    assert labels_of(made) == {"a": (0, None), "b": (1, early)}
    taken_back = assemble([line("a", 0)], [line("a", 0, late), line("a", 1, early)])
    assert labels_of(taken_back) == {"a": (0, None)}


def test_segments_of_one_post_are_each_kept():
    made = assemble([line("a", 0, text="one"), line("a", 1, text="two")], [])
    assert len(made.base) == 2


def test_invalid_lines_are_counted_and_left_out():
    made = assemble(
        [b"{", line("a", 2), line("base with a date", 1, "2026-11-23T00:00:00Z")],
        [line("label without a date", 1)],
    )
    assert (made.base, made.fresh, made.invalid) == ([], [], 4)


@pytest.mark.parametrize(("times", "kept"), [(1, 1), (-1, 1), (1.001, 0), (-1.001, 0)])
def test_a_number_that_would_overflow_a_training_is_not_learned_from(times, kept):
    record = json.loads(line("a", 1, "2026-11-23T00:00:00Z"))
    record[NUMERIC_FEATURES[0]] = times * LARGEST_NUMBER
    made = assemble([], [json.dumps(record).encode()])
    assert (len(made.fresh), made.invalid) == (kept, 1 - kept)


def test_the_same_posts_give_the_same_bytes_in_whatever_order():
    posts = [line("a", 0), line("b", 1), line("c", 1)]
    assert assemble(posts, []).to_bytes() == assemble(posts[::-1], []).to_bytes()


def test_what_was_written_is_read_as_the_same_training_set():
    labels = [line("b", 1, "2026-11-23T00:00:00Z")]
    made = assemble([line("a", 0)], labels)
    lines = made.to_bytes().splitlines()
    assert assemble(lines[:1], lines[1:]) == made
