"""Labels that arrive late, twice, contradict, or belong to edited or unknown posts."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stresswatch.contracts.identity import text_digest
from stresswatch.monitoring.live_quality import (
    Labels,
    Scored,
    join,
    match,
    measure_live,
)
from tests.newest_labels import newest_labels

KEY = b"k" * 64
GIVEN = "2026-11-23T10:00:00Z"
LATER = "2026-11-23T11:00:00Z"
TEXT = "a day like any other"


def digest(text=TEXT):
    return text_digest(KEY, text)


def label(post_id, value, at=GIVEN, text=TEXT):
    record = {"post_id": post_id, "text": text, "label": value, "labelled_at": at}
    return json.dumps(record).encode()


def labels(*lines):
    return newest_labels(lines, KEY)


def row(post_id, probability=0.9, version="v1", source="ptsd", text=TEXT):
    return {
        "post_id": post_id,
        "probability": probability,
        "model_version": version,
        "source": source,
        "text_length": len(text),
        "text_digest": digest(text),
    }


def earlier_row(*arguments, **named):
    """A row of a release without digests."""
    return {name: value for name, value in row(*arguments, **named).items() if name[-4:] != "gest"}


def scored(posts, *, right=1.0, source="ptsd", seed=7):
    """Posts with a share of right predictions, half of them stressed."""
    chance = random.Random(seed)
    found = []
    for number in range(posts):
        value = number % 2
        says = value if chance.random() < right else 1 - value
        found.append(Scored(f"{source}{number}", value, 0.9 if says else 0.1, source))
    return found


class TestLabels:
    def test_the_newest_label_of_a_post_counts_in_any_order(self):
        lines = [label("a", 1, LATER), label("a", 0, GIVEN)]
        for order in (lines, lines[::-1]):
            assert labels(*order).by_post == {("a", digest()): 1}

    def test_the_newest_label_of_equivalent_texts_counts(self):
        lines = [label("a", 1, LATER), label("a", 0, GIVEN, text=f"  {TEXT.upper()}")]
        for order in (lines, lines[::-1]):
            assert labels(*order).by_post == {("a", digest()): 1}

    def test_times_with_and_without_a_time_zone_are_compared(self):
        lines = [label("a", 1, LATER), label("a", 0, "2026-11-23T10:30:00", text=f"{TEXT} ")]
        assert labels(*lines).by_post == {("a", digest()): 1}

    def test_a_duplicate_label_counts_once(self):
        assert labels(*[label("a", 1)] * 2).by_post == {("a", digest()): 1}

    def test_segments_with_the_same_id_have_separate_labels(self):
        found = labels(label("a", 1), label("a", 0, text="another"), label("b", 0))
        assert found.by_post == {
            ("a", digest()): 1,
            ("a", digest("another")): 0,
            ("b", digest()): 0,
        }

    def test_an_invalid_line_is_counted_and_the_others_are_read(self):
        found = labels(b"{", label("a", 1), b'{"post_id": "b", "text": "t", "label": 1}')
        assert (found.by_post, found.invalid) == ({("a", digest()): 1}, 2)


class TestJoin:
    def test_a_label_joins_the_row_with_its_text(self):
        rows = [row("a", text="first part"), row("a", text="second part"), row("b")]
        found = join(labels(label("a", 1, text="second part"), label("b", 0)), rows)
        assert found.rows == {("a", digest("second part")): rows[1], ("b", digest()): rows[2]}

    def test_the_same_text_under_another_id_is_another_post(self):
        assert join(labels(label("a", 1)), [row("b")]).rows == {}

    def test_the_first_of_several_predictions_counts(self):
        rows = [row("a", 0.7), row("a", 0.2)]
        assert join(labels(label("a", 1)), rows).rows == {("a", digest()): rows[0]}

    def test_a_label_of_an_edited_text_does_not_join_the_original(self):
        found = join(labels(label("a", 1, text=f"{TEXT}, edited")), [row("a")])
        assert (found.rows, found.other_text) == ({}, {("a", digest(f"{TEXT}, edited"))})

    def test_a_row_without_a_digest_joins_the_only_label_of_its_id(self):
        rows = [
            earlier_row("a", 0.7),
            earlier_row("a", 0.2),
            earlier_row("b") | {"text_digest": None},
        ]
        found = join(labels(label("a", 1), label("b", 0)), rows)
        assert found.rows == {("a", digest()): rows[0], ("b", digest()): rows[2]}

    @pytest.mark.parametrize(
        "rows",
        [
            [earlier_row("a"), earlier_row("a", text="another text")],
            [earlier_row("a"), row("a", text="another text")],
        ],
    )
    def test_several_texts_without_digests_make_an_id_ambiguous(self, rows):
        found = join(labels(label("a", 1)), rows)
        assert (found.rows, found.ambiguous) == ({}, {("a", digest())})

    def test_several_labelled_texts_of_an_id_need_a_digest_to_join(self):
        found = join(labels(label("a", 1), label("a", 0, text="another")), [earlier_row("a")])
        assert (found.rows, len(found.ambiguous)) == ({}, 2)

    def test_a_text_with_a_digest_is_unambiguous(self):
        rows = [earlier_row("a"), row("a")]
        found = join(labels(label("a", 1)), rows)
        assert (found.rows, found.ambiguous) == ({("a", digest()): rows[1]}, set())


class TestMatch:
    def test_a_label_is_matched_to_the_prediction_of_its_post(self):
        found = match(labels(label("a", 1)), [row("a", 0.7), row("b", 0.2)], "v1")
        assert found.scored == [Scored("a", 1, 0.7, "ptsd")]

    def test_only_the_champions_own_predictions_count(self):
        rows = [row("a", 0.1, version="v0"), row("a", 0.7), row("b", version="v0")]
        found = match(labels(label("a", 1), label("b", 1)), rows, "v1")
        assert [one.probability for one in found.scored] == [0.7]
        assert found.other_version == 1

    def test_a_label_of_an_unseen_post_is_unmatched(self):
        found = match(labels(label("x", 1)), [row("a")], "v1")
        assert (found.scored, found.unseen) == ([], 1)

    def test_training_texts_are_excluded_and_counted(self):
        learned = {digest("learned by heart")}
        rows = [row("a", text="learned by heart"), row("b"), row("a", text="new")]
        given = [label("a", 1, text="learned by heart"), label("b", 0), label("a", 0, text="new")]
        found = match(labels(*given), rows, "v1", learned)
        assert [one.post_id for one in found.scored] == ["b", "a"]
        assert found.trained_on == 1

    def test_a_crosspost_of_a_training_text_is_excluded(self):
        found = match(labels(label("crosspost", 1)), [row("crosspost")], "v1", {digest()})
        assert (found.scored, found.trained_on) == ([], 1)

    def test_a_row_without_a_digest_is_excluded_by_its_labels_text(self):
        found = match(labels(label("a", 1)), [earlier_row("a")], "v1", {digest()})
        assert (found.scored, found.trained_on) == ([], 1)

    @pytest.mark.parametrize(("sample", "left_out"), [(None, 0), ("random", 0), ("uncertain", 1)])
    def test_posts_sampled_for_uncertainty_are_excluded(self, sample, left_out):
        rows = [row("a") | {"sample": sample}, row("b")]
        found = match(labels(label("a", 1), label("b", 0)), rows, "v1")
        assert (len(found.scored), found.uncertain) == (2 - left_out, left_out)

    @given(
        st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["s", "tt", "uu"]))),
        st.lists(
            st.tuples(
                st.sampled_from([row, earlier_row]),
                st.sampled_from("abcd"),
                st.sampled_from(["s", "tt", "uu"]),
                st.sampled_from(["v0", "v1"]),
            )
        ),
        st.frozensets(st.sampled_from([digest("s"), digest("tt")])),
    )
    def test_each_label_is_counted_in_exactly_one_category(self, given_labels, made, learned):
        known = labels(*[label(post_id, 1, text=text) for post_id, text in given_labels])
        rows = [make(post_id, version=version, text=text) for make, post_id, text, version in made]
        counts = match(known, rows, "v1", learned).counts()
        assert sum(counts.values()) == len(known.by_post)
        assert min(counts.values()) >= 0

    def test_all_counts_are_zero_without_labels(self):
        counts = match(Labels({}, 0), [row("a")], "v1").counts()
        assert set(counts.values()) == {0}


class TestMeasure:
    def test_metrics_include_the_post_count_and_intervals(self):
        overall = measure_live(scored(200, right=0.8), 50).overall
        low, high = overall["intervals"]["f1"]
        assert overall["posts"] == 200
        assert low < overall["f1"] < high
        assert overall["f1"] == pytest.approx(0.8, abs=0.08)

    def test_too_few_labels_give_no_metrics(self):
        assert measure_live(scored(49), 50).overall is None

    def test_a_community_with_enough_labels_has_its_own_metrics(self):
        posts = scored(60, source="ptsd") + scored(20, source="rare", seed=8)
        quality = measure_live(posts, 50)
        assert quality.overall["posts"] == 80
        assert set(quality.communities) == {"ptsd"}

    def test_only_the_largest_communities_are_kept(self):
        posts = [one for size in range(50, 56) for one in scored(size, source=f"of {size}")]
        communities = measure_live(posts, 50, most_communities=2).communities
        assert list(communities) == ["of 55", "of 54"]

    def test_labels_of_one_class_have_metrics_without_roc_auc(self):
        calm = [Scored(str(number), 0, 0.1, None) for number in range(60)]
        overall = measure_live(calm, 50).overall
        assert (overall["f1"], overall["roc_auc"]) == (0.0, None)
