from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.contracts.posts import NUMERIC_FEATURES, Post
from stresswatch.evaluation.splits import (
    EVALUATION_SHARE,
    groups,
    holds_any_out,
    split,
    unlearned,
    wording,
)

NO_NUMBERS = (float("nan"),) * len(NUMERIC_FEATURES)


def post(post_id, text, label=0):
    return LabelledPost(Post(post_id, text, NO_NUMBERS), label)


def ids(posts):
    return {labelled.post.post_id for labelled in posts}


def evaluation_ids(posts):
    return ids(split(posts).evaluation)


def of_own_text(names):
    return [post(name, f"the text of {name}") for name in names]


def test_the_holdout_has_about_the_configured_share_of_posts():
    posts = of_own_text(f"post-{number}" for number in range(10_000))
    assert abs(len(split(posts).evaluation) / 10_000 - EVALUATION_SHARE) < 0.02


def test_the_split_is_stable():
    # A change here would let models be measured on posts in their parents' training sets.
    assert evaluation_ids(of_own_text(map(str, range(30)))) == {"8", "9"}


def test_each_post_is_on_one_side_in_its_original_order():
    posts = of_own_text(map(str, range(30)))
    sides = split(posts)
    assert [one.post.post_id for one in sides.evaluation] == ["8", "9"]
    assert sides.train == [one for one in posts if one not in sides.evaluation]


@pytest.mark.parametrize(
    "copy",
    [
        "I can't sleep at all",
        "  i CAN\N{RIGHT SINGLE QUOTATION MARK}T sleep\nat all ",
        "I can't sleep, at all!!! 😭",
    ],
    ids=["copy", "case-and-blanks", "punctuation"],
)
def test_copies_with_ids_of_both_sides_go_to_training(copy):
    posts = [post("8", "I can't sleep at all"), post("1", copy), post("9", "another")]
    assert evaluation_ids(posts) == {"9"}


def test_copies_with_evaluation_ids_stay_in_evaluation():
    assert evaluation_ids([post("8", "one"), post("9", "one"), post("1", "two")]) == {"8", "9"}


def test_segments_follow_the_segment_that_is_copied():
    chain = [post("8", "one"), post("8", "two"), post("9", "two"), post("9", "three")]
    assert evaluation_ids(chain) == {"8", "9"}
    assert evaluation_ids([*chain, post("1", "three")]) == set()


def test_different_texts_without_words_are_not_copies():
    assert evaluation_ids([post("8", "!!!"), post("1", "???"), post("0", "")]) == {"8"}


def test_a_group_is_named_by_its_smallest_post_id():
    posts = [post("c", "one"), post("b", "one"), post("c", "two"), post("a", "three")]
    assert groups(posts) == ["b", "b", "b", "a"]


@st.composite
def data_sets(draw):
    names = st.sampled_from([str(number) for number in range(40)])
    texts = st.sampled_from(["one", "One!", "two", "TWO ", "three", "four", "five", "six"])
    return draw(st.lists(st.builds(post, names, texts), max_size=25))


@given(data_sets())
def test_the_sides_share_neither_ids_nor_texts(posts):
    sides = split(posts)
    assert not ids(sides.train) & ids(sides.evaluation)
    words = [{one.post.text.lower().strip(" !") for one in side} for side in vars(sides).values()]
    assert not words[0] & words[1]


@given(data_sets(), data_sets())
def test_training_posts_are_never_held_out_as_posts_are_added(before, added):
    learned = split(before).train
    held_out = split(before + added).evaluation
    assert unlearned(held_out, before) == held_out
    assert not ids(learned) & ids(held_out)


@given(st.data(), data_sets())
def test_the_order_of_posts_does_not_matter(data, posts):
    other = data.draw(st.permutations(posts))
    assert evaluation_ids(other) == evaluation_ids(posts)


def test_training_posts_stay_known_after_a_joined_post_is_deleted():
    before = [post("8", "one"), post("1", "one"), post("9", "two")]
    now = [one for one in before if one.post.post_id != "1"]
    assert ids(unlearned(split(now).evaluation, before)) == {"9"}
    renamed = [replace(one, post=one.post._replace(post_id="9")) for one in now]
    assert unlearned(renamed[:1], before) == []


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 30))), st.integers(0, 40))
def test_the_holdout_can_be_checked_without_a_full_split(pairs, first):
    posts = [post(str(one), f"text {text}") for one, text in pairs]
    asked = [one for one in ids(posts) if int(one) >= first]

    def joined(post_id):
        wordings = {wording(one.post.text) for one in posts if one.post.post_id == post_id}
        return [one.post.post_id for one in posts if wording(one.post.text) in wordings]

    assert holds_any_out(asked, joined) == bool(evaluation_ids(posts) & set(asked))
