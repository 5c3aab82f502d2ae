"""Training sets: the base data set plus the labelled posts that came in since.

A training set is the file ``posts.jsonl`` under ``datasets/<version>/``: one labelled post a line,
in an order and form that depend on the posts alone, so that the same posts have the same digest.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from stresswatch.posts import (
    InvalidPost,
    LabelledPost,
    labelled_post_record,
    parse_labelled_post,
)
from stresswatch.s3 import Location, read

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BASE_PREFIX = "datasets/base/"
LABELS_PREFIX = "labels/"
POSTS_FILE = "posts.jsonl"
LARGEST_NUMBER = 1e12
"""A post with a number beyond it is predicted, but not learned from: a column's variance, which is
made of squares, would overflow, and one such label would end every training."""


@dataclass(frozen=True)
class TrainingSet:
    """Labelled posts, each once.

    Attributes
    ----------
    base, fresh : list of LabelledPost
        From the base data set, and from ``labels/``. A post of both is fresh where its newest label
        differs: one that repeats the base data's says nothing new, and the post stands.
    invalid : int
        Lines that broke the contract or hold a number beyond `LARGEST_NUMBER`, and were left out.
    """

    base: list[LabelledPost]
    fresh: list[LabelledPost]
    invalid: int

    def to_bytes(self) -> bytes:
        """Write the posts as JSON Lines; fresh ones carry their ``labelled_at``."""
        lines = sorted(
            json.dumps(labelled_post_record(post), sort_keys=True)
            for post in self.base + self.fresh
        )
        return "".join(f"{line}\n" for line in lines).encode()


def assemble(base: Iterable[bytes], labels: Iterable[bytes]) -> TrainingSet:
    """Make a training set of lines of JSON.

    A label must say when it was given (`labelled_at`), and a base post must not: that tells fresh
    posts from base ones ever after. A post is known by its id and text together, as one long post
    may be labelled in segments that share its id. Of several labels the newest wins.
    """
    standing: dict[tuple[str, str], LabelledPost] = {}
    given: dict[tuple[str, str], LabelledPost] = {}
    invalid = 0
    for lines, known, is_fresh in ((base, standing, False), (labels, given, True)):
        for line in lines:
            try:
                labelled = parse_labelled_post(line)
            except InvalidPost:
                invalid += 1
                continue
            is_too_large = any(abs(number) > LARGEST_NUMBER for number in labelled.post.numbers)
            if is_too_large or is_fresh != (labelled.labelled_at is not None):
                invalid += 1
                continue
            key = (labelled.post.post_id, labelled.post.text)
            if key not in known or _age(labelled) >= _age(known[key]):
                known[key] = labelled
    fresh = {key: post for key, post in given.items() if not _repeats(post, standing.get(key))}
    return TrainingSet(
        base=[post for key, post in standing.items() if key not in fresh],
        fresh=list(fresh.values()),
        invalid=invalid,
    )


def given_by(posts: Iterable[LabelledPost], now: datetime) -> list[LabelledPost]:
    """Let labels that do not say when they were given be given now."""
    return [replace(post, labelled_at=post.labelled_at or now.isoformat()) for post in posts]


def to_lines(posts: Iterable[LabelledPost]) -> bytes:
    """Write labelled posts as the lines of an object, in their order."""
    return "".join(json.dumps(labelled_post_record(post)) + "\n" for post in posts).encode()


def new_labels(fresh: Iterable[LabelledPost], known: Iterable[LabelledPost]) -> int:
    """Count the labels that a training set of before had not, or had otherwise."""
    labels = {(post.post.post_id, post.post.text, post.label) for post in known}
    return sum((post.post.post_id, post.post.text, post.label) not in labels for post in fresh)


def read_lines(s3: S3Client, bucket: str, prefix: str) -> Iterator[bytes]:
    """Read every line of the objects under a prefix, in the order of their keys."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    for page in pages:
        for found in page.get("Contents", []):
            body = s3.get_object(Bucket=bucket, Key=found["Key"])["Body"].read()
            yield from (line for line in body.splitlines() if line.strip())


def folder_of_training_set(bucket: str, version: str) -> Location:
    """Give where the training set of a model version is."""
    return Location(bucket, f"datasets/{version}/")


def version_of_training_set(key: str) -> str | None:
    """Name the model version whose training set an object is; None for any other object."""
    match key.split("/"):
        case ["datasets", version, name] if name == POSTS_FILE and version != "base":
            return version
    return None


def read_training_set(s3: S3Client, folder: Location) -> list[LabelledPost]:
    """Read the posts of an assembled training set."""
    return [parse_labelled_post(line) for line in read(s3, folder / POSTS_FILE).splitlines()]


def _repeats(labelled: LabelledPost, base: LabelledPost | None) -> bool:
    return base is not None and (labelled.label, labelled.confidence) == (
        base.label,
        base.confidence,
    )


def _age(labelled: LabelledPost) -> datetime:
    if labelled.labelled_at is None:
        return datetime.min.replace(tzinfo=UTC)
    moment = datetime.fromisoformat(labelled.labelled_at)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
