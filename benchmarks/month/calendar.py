"""The events of each day: new posts, and labels of earlier posts."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from cli.data.synthetic import NEWCOMERS, SUDDEN
from stresswatch.contracts.labelled_posts import LabelledPost

LABELS_COME_AFTER = 2
"""Days until a day's posts are labelled."""
MINIMUM_LABELLED, QUALITY_DAYS = 50, 5
"""Minimum labelled posts for live quality, and the number of days that it covers."""
OUTAGE = range(18, 24)
"""Days without labels."""
POSTS_A_DAY = 260
_SEED = 11
_BASE_SHARE = 0.6
_POISONED, _CORRECTED, _ROLLBACK = 26, 27, 28


class Phase(StrEnum):
    """The kind of a day's posts."""

    QUIET = "like the base data"
    GRADUAL = "more and more posts of new communities"
    AFTER = "only posts of new communities"
    BACK = "both kinds"
    ABRUPT = "suddenly posts of another community"
    MIXED = "posts of all communities"


_PHASES = {
    range(1, 8): Phase.QUIET,
    range(8, 14): Phase.GRADUAL,
    range(14, 17): Phase.AFTER,
    range(17, 19): Phase.BACK,
    range(19, 25): Phase.ABRUPT,
    range(25, 31): Phase.MIXED,
}
_LABELLED = {Phase.QUIET: 20, Phase.BACK: 20, Phase.MIXED: 40}
"""Number of labelled posts per day; more after a change."""
_MOST_LABELLED = 50


@dataclass(frozen=True)
class Day:
    """A day of the month, from 1 on.

    Attributes
    ----------
    posts : tuple of LabelledPost
        Posts with later labels.
    others : tuple of LabelledPost
        Posts without labels: other days' posts with new ids, as there are not enough for a month.
        Most are of later days, so no model has learned them yet.
    labels : tuple of LabelledPost
        Labels that arrive on this day, for posts of earlier days.
    poisons, rolls_back : bool
        Whether the labels are flipped and a retraining is forced; whether the operator rolls back.
    """

    number: int
    phase: Phase
    posts: tuple[LabelledPost, ...]
    others: tuple[LabelledPost, ...]
    labels: tuple[LabelledPost, ...] = ()
    poisons: bool = False
    rolls_back: bool = False


@dataclass
class _Deck:
    """A pool of posts, each used once."""

    posts: list[LabelledPost] = field(default_factory=list)
    _dealt: int = 0

    def deal(self, count: int) -> list[LabelledPost]:
        self._dealt += count
        if self._dealt > len(self.posts):
            raise self._too_few()
        return self.posts[self._dealt - count : self._dealt]

    def draw(self, count: int, but: int, day: int) -> Iterator[LabelledPost]:
        """Draw posts except those dealt last, each with an id of the day.

        They are preferably posts of later days: a model is more confident on learned posts.
        """
        chance = random.Random(f"{_SEED} {day}")  # noqa: S311 - no secret
        earlier, later = self.posts[: self._dealt - but], self.posts[self._dealt :]
        again = max(0, count - len(later))
        if again > len(earlier):
            raise self._too_few()
        for one in chance.sample(later, count - again) + chance.sample(earlier, again):
            post_id = f"{one.post.post_id}-day-{day}"
            yield replace(one, post=one.post._replace(post_id=post_id))

    def _too_few(self) -> ValueError:
        return ValueError(f"{len(self.posts)} posts of a kind are too few for a month")


def make_month(posts: Iterable[LabelledPost]) -> tuple[list[LabelledPost], list[Day]]:
    """Deal out base data and thirty days, without repeated posts.

    Segments of a long post share an id. Only the first is sent, because the archive, which has no
    text, could not match their labels.
    """
    base, quiet, new, sudden = [], _Deck(), _Deck(), _Deck()
    chance = random.Random(_SEED)  # noqa: S311 - no secret
    of_base: dict[str, bool] = {}
    for labelled in posts:
        post_id, source = labelled.post.post_id, labelled.post.source
        is_first = post_id not in of_base
        if source in NEWCOMERS or source in SUDDEN:
            of_base.setdefault(post_id, False)
            if is_first:
                (new if source in NEWCOMERS else sudden).posts.append(labelled)
        elif of_base.setdefault(post_id, chance.random() < _BASE_SHARE):
            base.append(labelled)
        elif is_first:
            quiet.posts.append(labelled)
    for deck in (quiet, new, sudden):
        chance.shuffle(deck.posts)
    days = [_day(number, quiet, new, sudden) for number in range(1, 31)]
    return base, [_with_labels(day, days, chance) for day in days]


def _day(number: int, quiet: _Deck, new: _Deck, sudden: _Deck) -> Day:
    phase = next(phase for days, phase in _PHASES.items() if number in days)
    new_share = {
        Phase.GRADUAL: (number - 7) / 6,
        Phase.AFTER: 1.0,
        Phase.BACK: 0.2,
        Phase.MIXED: 0.2,
    }.get(phase, 0)
    sudden_share = {Phase.ABRUPT: 1.0, Phase.MIXED: 0.1}.get(phase, 0)
    shares = ((new, new_share), (sudden, sudden_share), (quiet, 1 - new_share - sudden_share))
    labelled = _LABELLED.get(phase, _MOST_LABELLED)
    posts: list[LabelledPost] = []
    others: list[LabelledPost] = []
    for deck, share in shares:
        dealt = deck.deal(round(labelled * share))
        posts += dealt
        others += deck.draw(round((POSTS_A_DAY - labelled) * share), len(dealt), number)
    return Day(
        number,
        phase,
        tuple(posts),
        tuple(others),
        poisons=number == _POISONED,
        rolls_back=number == _ROLLBACK,
    )


def _with_labels(day: Day, days: Sequence[Day], chance: random.Random) -> Day:
    if day.number in OUTAGE:
        return day
    if day.number == _POISONED:
        return replace(day, labels=tuple(_flipped(_labels_of(days, range(19, 25)))))
    if day.number == _CORRECTED:
        return replace(day, labels=tuple(_labels_of(days, range(19, 26))))
    due = range(day.number - LABELS_COME_AFTER, day.number - LABELS_COME_AFTER + 1)
    if day.number == OUTAGE.stop:
        # The delayed labels of the outage, in random order, some repeated.
        due = range(OUTAGE.start - LABELS_COME_AFTER, due.stop)
        held_up = list(_labels_of(days, due))
        held_up += held_up[: len(held_up) // 10]
        chance.shuffle(held_up)
        return replace(day, labels=tuple(held_up))
    return replace(day, labels=tuple(_labels_of(days, due)))


def _labels_of(days: Sequence[Day], numbers: range) -> Iterator[LabelledPost]:
    return (labelled for day in days if day.number in numbers for labelled in day.posts)


def _flipped(labels: Iterable[LabelledPost]) -> Iterator[LabelledPost]:
    return (replace(labelled, label=1 - labelled.label) for labelled in labels)
