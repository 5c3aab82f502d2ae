"""Synthetic labelled posts for the selected task, from the same seed always the same ones."""

from __future__ import annotations

import random

from cli.data import task_posts
from cli.data.stress import TASK_NAME
from cli.data.stress import synthetic as own_posts
from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.task.definition import TASK

HAS_OWN_POSTS = TASK.name == TASK_NAME
"""Whether the selected task has posts of its own, instead of words from no language."""
NEWCOMERS = own_posts.AID_COMMUNITIES if HAS_OWN_POSTS else task_posts.NEWCOMERS
"""Communities that the first model of a demo or month does not see."""
SUDDEN = own_posts.SUDDEN if HAS_OWN_POSTS else task_posts.SUDDEN
"""Communities whose posts suddenly replace all others within a month."""
_STREAM_ID = "stream-"
"""Prefix of the ids of posts for the stream; no community's name begins with it."""


def generate_posts(seed: int = 7) -> list[LabelledPost]:
    """Generate the posts of every community."""
    return _generate(random.Random(seed), "")  # noqa: S311 - no secret


def generate_stream(seed: int = 7) -> list[LabelledPost]:
    """Generate the same number of other posts of these communities, for the stream.

    They share no post id and no text with `generate_posts`, for any seed.
    """
    return _generate(random.Random(f"stream {seed}"), _STREAM_ID)  # noqa: S311 - no secret


def _generate(chance: random.Random, prefix: str) -> list[LabelledPost]:
    if HAS_OWN_POSTS:
        return own_posts.generate(chance, prefix)
    return task_posts.generate(TASK, chance, prefix)
