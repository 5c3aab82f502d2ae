"""The demo's posts, in parts: for training, for the stream, for labels and for the holdout."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.task.definition import TASK

INVALID_RECORDS = (
    b"\xff\xfe",
    b"{",
    json.dumps({TASK.fields.id: "no-text"}).encode(),
    json.dumps({TASK.fields.id: 7, TASK.fields.text: "x"}).encode(),
)
"""A few malformed records, as in any stream; only these go to quarantine."""

_BASE_SHARE = 0.7
_LABELLED_SHARE = 0.6


@dataclass(frozen=True)
class DemoPosts:
    """The posts of each act; no post is in two parts.

    Attributes
    ----------
    base : list of LabelledPost
        The first champion is trained on these.
    quiet : tuple of two lists
        Windows of posts like the base ones.
    labelled : list of LabelledPost
        Posts of unseen communities that annotators label after they were streamed.
    held_out : list of LabelledPost
        Posts of unseen communities outside all training, served before and after the promotion.
    """

    base: list[LabelledPost]
    quiet: tuple[list[LabelledPost], list[LabelledPost]]
    labelled: list[LabelledPost]
    held_out: list[LabelledPost]


def split_posts(posts: Iterable[LabelledPost], newcomers: Collection[str]) -> DemoPosts:
    """Split the posts; segments of one post stay together, to prevent leakage between parts.

    Parameters
    ----------
    newcomers : collection of str
        The communities that the first champion has not seen.
    """
    parts = DemoPosts([], ([], []), [], [])
    for labelled in posts:
        share = _share(labelled.post.post_id)
        if labelled.post.source in newcomers:
            (parts.labelled if share < _LABELLED_SHARE else parts.held_out).append(labelled)
        elif share < _BASE_SHARE:
            parts.base.append(labelled)
        else:
            parts.quiet[share >= (1 + _BASE_SHARE) / 2].append(labelled)
    return parts


def _share(post_id: str) -> float:
    digest = hashlib.sha256(f"demo {post_id}".encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64
