"""The random sample for labelling: a keyed hash selects posts independently of their content.

The hash of a `prediction_id` is the post's lot, a number that is uniform in [0, 1). A post is drawn
if its lot is below its inclusion probability. So the draw needs no state, a redelivered record has
the same lot, and each inclusion probability is known exactly. Without the key, the draw is
unpredictable (Poisson sampling: Särndal, Swensson and Wretman, "Model assisted survey sampling",
1992, section 3.5).
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

UNCERTAIN_WITHIN = 0.1
"""A post is uncertain if its probability is at most this far from the decision threshold."""
_PURPOSE = b"label sample:"
"""Separates these hashes from others with the same key."""
_LOT_BITS = 53
"""A float's precision in bits: more would be rounded, possibly up to 1."""


class SampleKind(StrEnum):
    """The share that a drawn post belongs to."""

    RANDOM = "random"
    """Drawn with the share for all posts: these alone represent all posts without weights."""
    UNCERTAIN = "uncertain"
    """Drawn additionally, because the model was uncertain."""


class Draw(NamedTuple):
    """The result of one post's draw.

    Attributes
    ----------
    lot : float
        In [0, 1).
    inclusion_probability : float
        The post's probability of being drawn, in (0, 1].
    sample : SampleKind or None
        None if the post was not drawn.
    """

    lot: float
    inclusion_probability: float
    sample: SampleKind | None


class SampleShares(NamedTuple):
    """The sample shares.

    Attributes
    ----------
    all_posts : float
        Share of all posts, in (0, 1].
    uncertain : float
        Share of uncertain posts; used if it exceeds the share of all posts.
    """

    all_posts: float
    uncertain: float = 0.0

    def draw(self, lot: float, distance: float) -> Draw:
        """Draw a post by its lot and its probability's distance from the decision threshold."""
        inclusion = self.all_posts
        if distance <= UNCERTAIN_WITHIN:
            inclusion = max(inclusion, self.uncertain)
        if lot < self.all_posts:
            return Draw(lot, inclusion, SampleKind.RANDOM)
        return Draw(lot, inclusion, SampleKind.UNCERTAIN if lot < inclusion else None)


def lots(key: bytes, prediction_ids: Sequence[str]) -> list[float]:
    """Return each prediction's lot: HMAC-SHA256 (RFC 2104), read as a fraction."""
    keyed = hmac.new(key, _PURPOSE, digestmod="sha256")
    return [_lot(keyed.copy(), prediction_id) for prediction_id in prediction_ids]


def _lot(keyed: hmac.HMAC, prediction_id: str) -> float:
    keyed.update(prediction_id.encode())
    number = int.from_bytes(keyed.digest()[:8]) >> (64 - _LOT_BITS)
    return number / 2.0**_LOT_BITS
