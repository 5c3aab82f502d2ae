"""The split of posts into training and evaluation.

Posts with a common id, such as segments of one post, or a common wording, such as crossposts, are
joined, also transitively. Joined posts are in the same split: in evaluation if the hash of every id
among them says so. So a training post stays in training when its data set grows, and neither a
model nor its parents ever learned from an evaluation post. Decision 22 explains the reasons.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.text.normalisation import canonical

EVALUATION_SHARE = 0.2
_WORDS = re.compile(r"\w+")


@dataclass(frozen=True)
class Split:
    """The two splits of a data set, each in the data set's order."""

    train: list[LabelledPost]
    evaluation: list[LabelledPost]


def split(posts: Iterable[LabelledPost]) -> Split:
    """Split all posts of a data set; a subset could be split differently."""
    posts = list(posts)
    group_of = groups(posts)
    learned = {
        group
        for group, labelled in zip(group_of, posts, strict=True)
        if not _is_for_evaluation(labelled.post.post_id)
    }
    sides = Split([], [])
    for group, labelled in zip(group_of, posts, strict=True):
        (sides.train if group in learned else sides.evaluation).append(labelled)
    return sides


def groups(posts: Sequence[LabelledPost]) -> list[str]:
    """Return the group of each post, named by the smallest id among the joined posts.

    Posts of one group are not independent: fold, resample and split by group.
    """
    joined = _Joined()
    with_wording: dict[str, str] = {}
    for labelled in posts:
        post_id, text = labelled.post.post_id, wording(labelled.post.text)
        joined.join(post_id, with_wording.setdefault(text, post_id))
    return [joined.find(labelled.post.post_id) for labelled in posts]


def holds_any_out(ids: Iterable[str], joined: Callable[[str], Iterable[str]]) -> bool:
    """Return whether `split` keeps a post with one of these ids for evaluation.

    It looks only at the necessary groups.

    Parameters
    ----------
    joined : callable
        Returns the ids that share a wording with an id.
    """
    learned: set[str] = set()
    for first in ids:
        group, ahead = {first}, [first]
        while ahead:
            post_id = ahead.pop()
            if post_id in learned or not _is_for_evaluation(post_id):
                break
            ahead += (found := set(joined(post_id)) - group)
            group |= found
        else:
            return True
        learned |= group
    return False


def unlearned(
    posts: Iterable[LabelledPost], data_set: Iterable[LabelledPost]
) -> list[LabelledPost]:
    """Remove the posts whose id or wording a data set's model learned from.

    If posts were removed from the data set later, its evaluation split may contain such posts,
    because the posts that joined them are gone.
    """
    learned = split(data_set).train
    ids = {labelled.post.post_id for labelled in learned}
    wordings = {wording(labelled.post.text) for labelled in learned}
    return [
        labelled
        for labelled in posts
        if labelled.post.post_id not in ids and wording(labelled.post.text) not in wordings
    ]


def wording(text: str) -> str:
    """Return the key by which two texts are the same for the split: their words, in order.

    A text without words is compared in its canonical form.
    """
    compared = canonical(text)
    return " ".join(_WORDS.findall(compared)) or compared or text


class _Joined:
    """Sets of ids, each named by its smallest: union-find with path halving (Tarjan, 1975)."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def find(self, one: str) -> str:
        parent = self._parent
        while (above := parent.setdefault(one, one)) != one:
            parent[one] = one = parent.setdefault(above, above)
        return one

    def join(self, one: str, other: str) -> None:
        low, high = sorted((self.find(one), self.find(other)))
        self._parent[high] = low


def _is_for_evaluation(post_id: str) -> bool:
    digest = hashlib.sha256(post_id.encode("utf-8")).digest()
    return int.from_bytes(digest[:8]) / 2**64 < EVALUATION_SHARE
