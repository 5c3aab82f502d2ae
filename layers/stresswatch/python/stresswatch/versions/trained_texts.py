"""Which texts a model version was trained on: what it says of them is no measure of how good it is.

A text counts under whichever id it comes: what was learned from a post is known of its crosspost.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from stresswatch.contracts.identity import text_digest
from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.evaluation.splits import split
from stresswatch.storage.training_sets import (
    POSTS_FILE,
    folder_of_training_set,
    read_lines,
    valid_posts,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def read_trained_texts(
    s3: S3Client, bucket: str, version: str, key: bytes
) -> frozenset[str] | None:
    """Read the training set of a version; return the digests of the texts that it was trained on.

    None where there is no training set: nobody can tell then. Lines that are no posts by the
    contract of today are left out, as no label can meet them.
    """
    posts = folder_of_training_set(bucket, version) / POSTS_FILE
    lines = list(read_lines(s3, posts.bucket, posts.key))
    return trained_texts(valid_posts(lines), key) if lines else None


def trained_texts(posts: Iterable[LabelledPost], key: bytes) -> frozenset[str]:
    """Return the digests of the texts in the training split of a training set."""
    return frozenset(text_digest(key, labelled.post.text) for labelled in split(posts).train)
