"""Shifts of posts, each by a grade from 0 (none) to 1, and their cost for the model."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.contracts.posts import Post

COST = 0.05
"""The loss of F1 at which a shift should be detected."""
_STEPS = 7
"""Halvings of the grade: to less than 0.01."""

Posts = Sequence[LabelledPost]
Shift = Callable[[Posts, float], list[LabelledPost]]


def unknown_words(posts: Posts, grade: float) -> list[LabelledPost]:
    """Replace words by unknown ones."""
    return _each_word(posts, grade, lambda word, _: f"{word[::-1]}q{word[:1]}")


def words_of_others(posts: Posts, grade: float) -> list[LabelledPost]:
    """Replace words by those of other posts: topics stay, the meaning is lost."""
    words = [word for one in posts for word in one.post.text.split()]
    return _each_word(posts, grade, lambda _, dice: dice.choice(words))


def short_texts(posts: Posts, grade: float) -> list[LabelledPost]:
    """Truncate texts to at least one word."""

    def cut(post: Post) -> Post:
        words = post.text.split()
        return post._replace(text=" ".join(words[: max(1, round(len(words) * (1 - grade)))]))

    return [replace(one, post=cut(one.post)) for one in posts]


def missing_numbers(posts: Posts, grade: float) -> list[LabelledPost]:
    """Remove all numeric features of some posts."""
    dice = random.Random(1)  # noqa: S311 - the same each time
    return [
        replace(one, post=one.post._replace(numbers=(np.nan,) * len(one.post.numbers)))
        if dice.random() < grade
        else one
        for one in posts
    ]


def numbers_off(posts: Posts, grade: float) -> list[LabelledPost]:
    """Raise numeric features by up to three standard deviations."""
    offset = 3 * grade * np.nanstd([one.post.numbers for one in posts], axis=0)
    return [
        replace(one, post=one.post._replace(numbers=tuple((one.post.numbers + offset).tolist())))
        for one in posts
    ]


def fewer_stressed(posts: Posts, grade: float) -> list[LabelledPost]:
    """Remove some stressed posts."""
    dice = random.Random(1)  # noqa: S311 - the same each time
    return [one for one in posts if not one.label or dice.random() >= grade]


SHIFTS: dict[str, Shift] = {
    "unknown words": unknown_words,
    "words of other posts": words_of_others,
    "texts cut short": short_texts,
    "numbers missing": missing_numbers,
    "numbers too high": numbers_off,
    "fewer stressed posts": fewer_stressed,
}


def grade_that_costs(
    f1_of: Callable[[list[LabelledPost]], float], posts: Posts, shift: Shift
) -> tuple[float, float]:
    """Find the smallest grade that costs `COST` of F1.

    Returns
    -------
    float, float
        The grade and its cost; the full shift where that costs less.
    """
    whole = f1_of(list(posts))
    cost = whole - f1_of(shift(posts, 1.0))
    low, high = 0.0, 1.0
    for _ in range(_STEPS if cost >= COST else 0):
        middle = (low + high) / 2
        found = whole - f1_of(shift(posts, middle))
        low, high, cost = (low, middle, found) if found >= COST else (middle, high, cost)
    return high, cost


def _each_word(
    posts: Posts, grade: float, change: Callable[[str, random.Random], str]
) -> list[LabelledPost]:
    dice = random.Random(1)  # noqa: S311 - the same each time

    def changed(text: str) -> str:
        return " ".join(
            change(word, dice) if dice.random() < grade else word for word in text.split()
        )

    return [replace(one, post=one.post._replace(text=changed(one.post.text))) for one in posts]
