"""Labels that come late, twice, contradicting, or for posts that were never seen."""

import json
import random

import pytest

from stresswatch.live_quality import Scored, join, measure_live, newest_labels

GIVEN = "2026-11-23T10:00:00Z"
LATER = "2026-11-23T11:00:00Z"


def label(post_id, value, at=GIVEN, text="a day like any other"):
    record = {"post_id": post_id, "text": text, "label": value, "labelled_at": at}
    return json.dumps(record).encode()


def row(post_id, probability=0.9, version="v1", source="ptsd"):
    return {
        "post_id": post_id,
        "probability": probability,
        "model_version": version,
        "source": source,
    }


def scored(posts, *, right=1.0, source="ptsd", seed=7):
    """Posts of which a share is predicted right, half of them stressed."""
    chance = random.Random(seed)
    found = []
    for number in range(posts):
        value = number % 2
        says = value if chance.random() < right else 1 - value
        found.append(Scored(f"{source}{number}", value, 0.9 if says else 0.1, source))
    return found


class TestLabels:
    def test_the_newest_label_of_a_post_counts_in_whatever_order_they_come(self):
        lines = [label("a", 1, LATER), label("a", 0, GIVEN)]
        for order in (lines, lines[::-1]):
            assert newest_labels(order).by_post == {"a": 1}

    def test_a_label_given_twice_counts_once(self):
        assert newest_labels([label("a", 1)] * 2).by_post == {"a": 1}

    def test_an_id_that_stands_for_several_texts_is_left_out_and_counted(self):
        labels = newest_labels([label("a", 1), label("a", 0, text="another"), label("b", 0)])
        assert (labels.by_post, labels.ambiguous) == ({"b": 0}, 1)

    def test_a_line_that_breaks_the_contract_is_counted_and_costs_no_other(self):
        labels = newest_labels([b"{", label("a", 1), b'{"post_id": "b", "text": "t", "label": 1}'])
        assert (labels.by_post, labels.invalid) == ({"a": 1}, 2)


class TestJoin:
    def test_a_label_meets_the_prediction_of_its_post(self):
        (found,) = join({"a": 1}, [row("a", 0.7), row("b", 0.2)], "v1")
        assert found == Scored("a", 1, 0.7, "ptsd")

    def test_only_the_champions_own_predictions_count(self):
        rows = [row("a", 0.1, version="v0"), row("a", 0.7)]
        (found,) = join({"a": 1}, rows, "v1")
        assert found.probability == 0.7

    def test_of_several_predictions_of_a_post_the_first_counts(self):
        (found,) = join({"a": 1}, [row("a", 0.7), row("a", 0.2)], "v1")
        assert found.probability == 0.7

    def test_a_label_of_a_post_that_was_never_seen_joins_nothing(self):
        assert join({"x": 1}, [row("a")], "v1") == []


class TestMeasure:
    def test_the_figures_come_with_their_count_and_interval(self):
        overall = measure_live(scored(200, right=0.8), 50).overall
        low, high = overall["intervals"]["f1"]
        assert overall["posts"] == 200
        assert low < overall["f1"] < high
        assert overall["f1"] == pytest.approx(0.8, abs=0.08)

    def test_of_too_few_labels_there_is_no_figure(self):
        assert measure_live(scored(49), 50).overall is None

    def test_a_community_has_figures_of_its_own_if_enough_of_it_is_labelled(self):
        posts = scored(60, source="ptsd") + scored(20, source="rare", seed=8)
        quality = measure_live(posts, 50)
        assert quality.overall["posts"] == 80
        assert set(quality.communities) == {"ptsd"}

    def test_the_number_of_communities_is_bounded_and_the_largest_are_kept(self):
        posts = [one for size in range(50, 56) for one in scored(size, source=f"of {size}")]
        communities = measure_live(posts, 50, most_communities=2).communities
        assert list(communities) == ["of 55", "of 54"]

    def test_labels_of_one_class_have_figures_too(self):
        calm = [Scored(str(number), 0, 0.1, None) for number in range(60)]
        overall = measure_live(calm, 50).overall
        assert (overall["f1"], overall["roc_auc"]) == (0.0, None)
