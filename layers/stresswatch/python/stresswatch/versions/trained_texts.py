"""The texts that a model version was trained on, which must not count in its evaluation.

A text counts under every id: a model that learned a post knows its crosspost.
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
    """Read a version's training set; return the digests of its training texts.

    None if the training set no longer exists. Lines that are invalid by the current contract are
    left out, because no label matches them.
    """
    posts = folder_of_training_set(bucket, version) / POSTS_FILE
    lines = list(read_lines(s3, posts.bucket, posts.key))
    return trained_texts(valid_posts(lines), key) if lines else None


def trained_texts(posts: Iterable[LabelledPost], key: bytes) -> frozenset[str]:
    """Return the digests of the texts in the training split of a training set."""
    return frozenset(text_digest(key, labelled.post.text) for labelled in split(posts).train)
