"""Synthetic labelled posts for any task, made of its definition alone.

The words are made up, so that they are of no language. Each class has words of its own, a numeric
feature leans to one side of its plausible range in each, and a tenth of the labels are wrong.
"""

from __future__ import annotations

import math
import random

from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.contracts.posts import Post
from stresswatch.task.sections import NumericFeature, Task

SIZES = {"north": 700, "east": 600, "south": 500, "west": 400, "centre": 300, "outskirts": 200}
"""Communities, with their numbers of posts."""
NEWCOMERS = ("centre", "outskirts")
"""Communities that a demo's first model does not see."""

_SYLLABLES = "ba de fi go lu ma ne ri so tu va ke po li ra nu".split()
_FILLER, _MARKERS = 200, 40
"""How many words there are for all posts, and for each class."""
_MISLABELLED = 0.1
_MISSING = 0.03
_LEAN = 0.15
"""How far from its middle a feature's mean is, in widths of its range; one deviation."""


def generate(task: Task, chance: random.Random, prefix: str) -> list[LabelledPost]:
    """Generate posts of every community in a random order; ids begin with a prefix."""
    # The same words for every seed: what a model learned of some posts holds for others.
    lexicon = random.Random(task.name)  # noqa: S311 - no secret
    words = [_word(lexicon) for _ in range(_FILLER + 2 * _MARKERS)]
    filler, markers = words[: -2 * _MARKERS], (words[-2 * _MARKERS : -_MARKERS], words[-_MARKERS:])
    posts = [
        _post(task, f"{prefix}{community}-{place}", community, filler, markers, chance)
        for community, size in SIZES.items()
        for place in range(size)
    ]
    chance.shuffle(posts)
    return posts


def _word(lexicon: random.Random) -> str:
    return "".join(lexicon.choices(_SYLLABLES, k=lexicon.randint(2, 4)))


def _post(
    task: Task,
    post_id: str,
    community: str,
    filler: list[str],
    markers: tuple[list[str], list[str]],
    chance: random.Random,
) -> LabelledPost:
    shown = chance.randint(0, 1)
    label = shown if chance.random() >= _MISLABELLED else 1 - shown
    words = chance.choices(filler, k=chance.randint(25, 60))
    for side, count in ((shown, 5), (1 - shown, 2)):
        words += chance.choices(markers[side], k=count)
    chance.shuffle(words)
    numbers = tuple(_value(feature, shown, chance) for feature in task.numeric_features)
    return LabelledPost(Post(post_id, " ".join(words), numbers, None, community), label)


def _value(feature: NumericFeature, shown: int, chance: random.Random) -> float:
    if chance.random() < _MISSING:
        return math.nan
    low, high = _span(feature)
    width = high - low
    mean = (low + high) / 2 + (_LEAN if shown else -_LEAN) * width
    return round(min(high, max(low, chance.gauss(mean, _LEAN * width))), 4)


def _span(feature: NumericFeature) -> tuple[float, float]:
    """Return the plausible range; one that is open at an end has a width of 100."""
    low, high = feature.minimum, feature.maximum
    if low is not None:
        return low, low + 100 if high is None else high
    return (-50.0, 50.0) if high is None else (high - 100, high)
