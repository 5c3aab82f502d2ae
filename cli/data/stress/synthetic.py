"""Synthetic labelled posts about stress.

They resemble Dreaddit: ten communities of the same names and sizes, and stress that shows in words
and in numeric features. Four communities in need of material help differ from the rest in both.
Stress has its own words there, so a model that never saw them misses it. The posts are random words
from lists, so results on them say nothing about people.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.contracts.posts import NUMERIC_FEATURES, Post

SIZES = {
    "ptsd": 584,
    "relationships": 552,
    "anxiety": 503,
    "domesticviolence": 316,
    "assistance": 289,
    "survivorsofabuse": 245,
    "homeless": 168,
    "almosthomeless": 80,
    "stress": 64,
    "food_pantry": 37,
}
AID_COMMUNITIES = ("assistance", "homeless", "almosthomeless", "food_pantry")
"""Communities in need of material help: their words and features differ from the others'."""
SUDDEN = ("relationships",)
"""Communities whose posts suddenly replace all others within a month."""

_FILLER = (
    "the to and a of in that it my is was for me with have but on so this not just be "
    "like about know at what really all do get out time when because had would there "
    "been if or from how up can people they day now one even want think some going am "
    "as we are will she he feel back make things much then go more still something "
    "never could who after been before over other them way first year only their any "
    "where again while into myself thing every last since told said see need work "
    "home tell week month night morning always around little long life help"
).split()
_TENSE = (
    "panic afraid overwhelmed crying exhausted anxious worried terrified hopeless "
    "trembling nightmares racing dread shaking alone screaming desperate breaking "
    "tense sleepless numb helpless ashamed guilty trapped spiraling scared hurting "
    "angry drained"
).split()
_CALM = (
    "happy glad thankful better relaxed enjoyed proud hopeful calm laughing smiling "
    "progress recovered comfortable excited wonderful improving grateful confident "
    "peaceful rested celebrated learned supportive gentle easier lovely pleased "
    "steady bright"
).split()
_TOPICS = {
    "ptsd": ("flashback therapist trauma veteran memory trigger session symptoms").split(),
    "relationships": ("girlfriend boyfriend dating together texting breakup trust years").split(),
    "anxiety": ("attack medication breathing heart doctor social thoughts meeting").split(),
    "domesticviolence": ("abuser police shelter order court husband safety leaving").split(),
    "survivorsofabuse": ("childhood mother father uncle survivor remember family secret").split(),
    "stress": ("deadline exam boss project office schedule pressure semester").split(),
}
_AID_TOPIC = (
    "rent landlord money bank groceries pantry eviction shelter car gas bills payment "
    "application voucher donation amazon wishlist paycheck utilities deposit tent "
    "campsite motel bus"
).split()
_AID_TENSE = (
    "evicted starving shutoff overdue stranded repossessed broke homelessness freezing"
).split()
_AID_CALM = ("approved delivered housed hired covered fulfilled repaid settled stocked").split()

_NUMBERS = ("lex_liwc_Tone", "lex_liwc_i", "lex_liwc_negemo", "lex_liwc_Clout", "sentiment")
# Means of calm and tense posts, and standard deviations.
_CALM_MEANS = (55.0, 7.5, 2.2, 50.0, 0.12)
_TENSE_MEANS = (22.0, 10.0, 4.4, 32.0, -0.02)
_DEVIATIONS = (30.0, 4.2, 2.4, 28.0, 0.17)
_AID_SHIFT = (22.0, -2.2, -1.6, 3.0, 0.07)
_BOUNDS = ((1.0, 99.0), (0.0, 100.0), (0.0, 100.0), (1.0, 99.0), (-1.0, 1.0))

_MISLABELLED = 0.12
_MISSING = 0.03
_SAME_POST = 0.2


@dataclass(frozen=True)
class _Words:
    """The parameters of a community's posts."""

    topic: list[str]
    tense: list[str]
    calm: list[str]

    @staticmethod
    def of(community: str) -> _Words:
        if community in AID_COMMUNITIES:
            # Common words of stress are rare in these communities.
            return _Words(_AID_TOPIC, _AID_TENSE * 3 + _TENSE[:9], _AID_CALM * 3 + _CALM[:9])
        return _Words(_TOPICS[community], _TENSE, _CALM)


def generate(chance: random.Random, prefix: str) -> list[LabelledPost]:
    """Generate the posts of every community, with a prefix for their ids."""
    posts: list[LabelledPost] = []
    for community, size in SIZES.items():
        post_id = ""
        for place in range(size):
            if not post_id or chance.random() >= _SAME_POST:
                post_id = f"{prefix}{community}-{place}"
            posts.append(_post(post_id, community, chance))
    chance.shuffle(posts)
    return posts


def _post(post_id: str, community: str, chance: random.Random) -> LabelledPost:
    tense = chance.random() < 0.52
    label = int(tense != (chance.random() < _MISLABELLED))
    text = _text(_Words.of(community), tense, chance)
    return LabelledPost(
        Post(post_id, text, _numbers(community, tense, chance), None, community), label
    )


def _text(words: _Words, tense: bool, chance: random.Random) -> str:
    length = max(30, min(160, round(chance.gauss(85, 25))))
    mood = chance.choices(
        words.tense + words.calm,
        [3.0 if tense else 1.0] * len(words.tense) + [1.0 if tense else 3.0] * len(words.calm),
        k=max(1, length // 14),
    )
    topic = chance.choices(words.topic, k=length // 12)
    filler = chance.choices(_FILLER, _ZIPF, k=length - len(mood) - len(topic))
    every = mood + topic + filler
    chance.shuffle(every)
    sentences, start = [], 0
    while start < len(every):
        end = start + chance.randint(6, 18)
        sentences.append(" ".join(every[start:end]).capitalize() + chance.choice("...!?"))
        start = end
    return " ".join(sentences)


def _numbers(community: str, tense: bool, chance: random.Random) -> tuple[float, ...]:
    numbers = {}
    for name, mean, deviation, shift, (lowest, highest) in zip(
        _NUMBERS,
        _TENSE_MEANS if tense else _CALM_MEANS,
        _DEVIATIONS,
        _AID_SHIFT,
        _BOUNDS,
        strict=True,
    ):
        centre = mean + (shift if community in AID_COMMUNITIES else 0.0)
        value = round(min(highest, max(lowest, chance.gauss(centre, deviation))), 4)
        numbers[name] = math.nan if chance.random() < _MISSING else value
    # Features that were added to the task are missing, which the contract allows.
    return tuple([numbers.get(name, math.nan) for name in NUMERIC_FEATURES])


_ZIPF = [1.0 / rank for rank in range(1, len(_FILLER) + 1)]
