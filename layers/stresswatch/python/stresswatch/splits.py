"""Which posts a model learns from and which it is measured on.

The split is a function of `post_id` alone: it is the same in every training run, so no post that a
model is measured on was ever trained on, by that model or by any parent; and the segments of one
post, which share its id, stay together.
"""

import hashlib

EVALUATION_SHARE = 0.2


def is_evaluation_post(post_id: str) -> bool:
    """Tell whether a post belongs to the evaluation split."""
    digest = hashlib.sha256(post_id.encode("utf-8")).digest()
    return int.from_bytes(digest[:8]) / 2**64 < EVALUATION_SHARE
