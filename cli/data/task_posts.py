"""Synthetic labelled posts for any task, from its definition alone.

The words are invented and belong to no language. Each class has its own words and shifts each
numeric feature to one side of its plausible range; a tenth of the labels are wrong. Posts of
`NEWCOMERS` and of `SUDDEN` differ from the others and from each other in words and numeric
features, and their classes look different too.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.contracts.posts import Post
from stresswatch.task.sections import NumericFeature, Task

SIZES = {
    "north": 600, "east": 500, "south": 400, "west": 300, "abroad": 560,
    "centre": 350, "outskirts": 230,
}  # fmt: skip
"""Communities, with their numbers of posts."""
NEWCOMERS = ("centre", "outskirts")
"""Communities that the first model of a demo or month does not see."""
SUDDEN = ("abroad",)
"""Communities whose posts suddenly replace all others within a month."""

_SYLLABLES = "ba de fi go lu ma ne ri so tu va ke po li ra nu".split()
_FILLER, _MARKERS = 200, 40
"""Numbers of words for all posts, and for each class."""
_MISLABELLED = 0.1
_MISSING = 0.03
_LEAN = 0.15
"""Distance of a feature's mean from the middle, and its standard deviation, in range widths."""
_SHIFTS = dict.fromkeys(NEWCOMERS, 0.2) | dict.fromkeys(SUDDEN, -0.2)
"""Differences between a community's feature means and the others', in range widths."""


def generate(task: Task, chance: random.Random, prefix: str) -> list[LabelledPost]:
    """Generate posts of every community in a random order; ids begin with a prefix."""
    # The words are the same for every seed, so a model generalises to other posts.
    lexicon = random.Random(task.name)  # noqa: S311 - no secret
    common = _Words.made_up(lexicon)
    of_newcomers, of_sudden = (common.beside(_Words.made_up(lexicon)) for _ in range(2))
    words = dict.fromkeys(NEWCOMERS, of_newcomers) | dict.fromkeys(SUDDEN, of_sudden)
    posts = [
        _post(
            task,
            f"{prefix}{community}-{place}",
            community,
            words.get(community, common),
            chance,
        )
        for community, size in SIZES.items()
        for place in range(size)
    ]
    chance.shuffle(posts)
    return posts


@dataclass(frozen=True)
class _Words:
    """Words of any post, and words of each class."""

    filler: list[str]
    markers: tuple[list[str], list[str]]

    @staticmethod
    def made_up(lexicon: random.Random) -> _Words:
        def words(count: int) -> list[str]:
            return [
                "".join(lexicon.choices(_SYLLABLES, k=lexicon.randint(2, 4))) for _ in range(count)
            ]

        return _Words(words(_FILLER), (words(_MARKERS), words(_MARKERS)))

    def beside(self, others: _Words) -> _Words:
        """Return the union with other words, whose markers are three times as frequent."""
        (negative, positive), (more_negative, more_positive) = self.markers, others.markers
        markers = negative + 3 * more_negative, positive + 3 * more_positive
        return _Words(self.filler + others.filler, markers)


def _post(
    task: Task, post_id: str, community: str, words: _Words, chance: random.Random
) -> LabelledPost:
    shown = chance.randint(0, 1)
    label = shown if chance.random() >= _MISLABELLED else 1 - shown
    text = chance.choices(words.filler, k=chance.randint(25, 60))
    for side, count in ((shown, 5), (1 - shown, 2)):
        text += chance.choices(words.markers[side], k=count)
    chance.shuffle(text)
    centre = 0.5 + (_LEAN if shown else -_LEAN) + _SHIFTS.get(community, 0.0)
    numbers = tuple(_value(feature, centre, chance) for feature in task.numeric_features)
    return LabelledPost(Post(post_id, " ".join(text), numbers, None, community), label)


def _value(feature: NumericFeature, centre: float, chance: random.Random) -> float:
    """Return a value around a centre in range widths, or None."""
    if chance.random() < _MISSING:
        return math.nan
    low, high = _span(feature)
    width = high - low
    return round(min(high, max(low, low + chance.gauss(centre, _LEAN) * width)), 4)


def _span(feature: NumericFeature) -> tuple[float, float]:
    """Return the plausible range; an open range has a width of 100."""
    low, high = feature.minimum, feature.maximum
    if low is not None:
        return low, low + 100 if high is None else high
    return (-50.0, 50.0) if high is None else (high - 100, high)
