"""Which posts a model learns from and which it is measured on.

Posts are joined that share an id, as the segments of one post do, or a wording, as crossposts do,
and so are all that are joined to one of them. Posts that are joined fall on one side: for
evaluation, where the hash of every id among them says so. So a post that is learned from stays on
that side whatever comes to its data set, and nothing that a model is measured on was ever learned
from, by that model or by any parent. Decision 22 has why.
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
    """The two sides of a data set, each in the data set's order."""

    train: list[LabelledPost]
    evaluation: list[LabelledPost]


def split(posts: Iterable[LabelledPost]) -> Split:
    """Split the posts of a data set, all of them: one post alone may belong to another side."""
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
    """Name the group of each post, by the smallest id of those that are joined.

    Posts of one group are no independent observations: fold, resample and split by it.
    """
    joined = _Joined()
    with_wording: dict[str, str] = {}
    for labelled in posts:
        post_id, text = labelled.post.post_id, wording(labelled.post.text)
        joined.join(post_id, with_wording.setdefault(text, post_id))
    return [joined.find(labelled.post.post_id) for labelled in posts]


def holds_any_out(ids: Iterable[str], joined: Callable[[str], Iterable[str]]) -> bool:
    """Return whether `split` keeps a post with one of these ids for evaluation.

    Only the groups that it takes to find out are looked at.

    Parameters
    ----------
    joined : callable
        Gives the ids that share a wording with an id.
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
    """Leave out the posts whose id or wording a model of a data set learned from.

    A data set from which posts were taken since may hold such posts on its other side: what had
    joined them is gone.
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
    """Return what two texts must share to be one for the split: their words, in order.

    Of a text without a word, it is the text as posts are compared.
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
