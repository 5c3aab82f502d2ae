"""Which posts are drawn for labelling: a keyed hash decides, and not what a post says.

The hash of a `prediction_id` is the post's lot, a number that is uniform in [0, 1). A post whose
lot is below its inclusion probability is drawn. So the draw needs no state, a redelivered record
meets the same lot, each inclusion probability is known exactly, and nobody without the key can tell
in advance which posts will be drawn (Poisson sampling: Särndal, Swensson and Wretman, "Model
assisted survey sampling", 1992, section 3.5).
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

UNCERTAIN_WITHIN = 0.1
"""A post is uncertain if its probability is at most this far from the decision threshold."""
_PURPOSE = b"label sample:"
"""Tells these hashes from others under the same key."""
_LOT_BITS = 53
"""As many as a float has: more would be rounded, up to 1 at worst."""


class SampleKind(StrEnum):
    """Which share a drawn post belongs to."""

    RANDOM = "random"
    """Drawn with the share of all posts: these alone stand for all posts without weights."""
    UNCERTAIN = "uncertain"
    """Drawn on top of that, because the model was uncertain."""


class Draw(NamedTuple):
    """How the draw of one post went.

    Attributes
    ----------
    lot : float
        In [0, 1).
    inclusion_probability : float
        How likely the post was to be drawn, in (0, 1].
    sample : SampleKind or None
        None if the post was not drawn.
    """

    lot: float
    inclusion_probability: float
    sample: SampleKind | None


class SampleShares(NamedTuple):
    """How many posts are drawn.

    Attributes
    ----------
    all_posts : float
        Share of all posts, in (0, 1].
    uncertain : float
        Share of uncertain posts; it counts where it is above the share of all posts.
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
    """Return the lot of each prediction: HMAC-SHA256 (RFC 2104), read as a fraction."""
    keyed = hmac.new(key, _PURPOSE, digestmod="sha256")
    return [_lot(keyed.copy(), prediction_id) for prediction_id in prediction_ids]


def _lot(keyed: hmac.HMAC, prediction_id: str) -> float:
    keyed.update(prediction_id.encode())
    number = int.from_bytes(keyed.digest()[:8]) >> (64 - _LOT_BITS)
    return number / 2.0**_LOT_BITS
