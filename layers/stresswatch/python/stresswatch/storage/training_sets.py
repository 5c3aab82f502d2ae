"""A training set's sources and location: base data, and later labels."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING

from botocore.response import StreamingBody

from stresswatch.aws.s3 import Location, listed, read
from stresswatch.contracts.labelled_posts import (
    LabelledPost,
    labelled_post_record,
    parse_labelled_post,
)
from stresswatch.contracts.posts import InvalidPost, Post
from stresswatch.storage.archive import READERS
from stresswatch.storage.prefixes import DATA_SETS
from stresswatch.text.normalisation import canonical

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BASE_PREFIX = f"{DATA_SETS}base/"
LABELS_PREFIX = "labels/"
POSTS_FILE = "posts.jsonl"
LARGEST_NUMBER = 1e12
"""Limit for numeric features in training; larger ones are predicted but not learned from.

A column's variance would overflow, and one such label would end every training.
"""
CLOCK_TOLERANCE = timedelta(minutes=5)
"""Tolerance for a labeller's clock that is ahead."""
FUTURE = "labelled_at_in_future"
"""The reason for a label from the future."""
_IN_MEMORY = 1 << 20
"""Bytes; larger objects are stored on disk while they are read."""
_CHUNK = 1 << 20

Identity = tuple[str, str]
"""A post's identity: its id, and its canonical text."""


@dataclass
class LineReader:
    """Reads lines for training, and counts the invalid ones.

    Attributes
    ----------
    now : datetime
        Labels may be at most `CLOCK_TOLERANCE` later.
    invalid : int
        Lines that broke the contract, have a value beyond `LARGEST_NUMBER` or are from the
        future.
    future : int
        Lines among them from the future.
    """

    now: datetime
    invalid: int = 0
    future: int = 0

    def read(self, lines: Iterable[bytes], *, are_labels: bool) -> Iterator[LabelledPost]:
        """Read JSON lines.

        A label must have a time (`labelled_at`), and a base post must not: this permanently
        separates later labels from base data.
        """
        for line in lines:
            try:
                yield _read(line, are_labels, self.now)
            except InvalidPost as error:
                self.invalid += 1
                self.future += error.reason == FUTURE


def identity_of(post: Post) -> Identity:
    """Return a post's identity: its id, and its canonical text."""
    return post.post_id, canonical(post.text)


def contradictions(posts: Iterable[LabelledPost]) -> int:
    """Count the posts with both labels."""
    labels: dict[Identity, set[int]] = {}
    for labelled in posts:
        labels.setdefault(identity_of(labelled.post), set()).add(labelled.label)
    return sum(len(found) > 1 for found in labels.values())


def check_given(labelled: LabelledPost, now: datetime) -> None:
    """Check that a label is not from the future.

    Raises
    ------
    InvalidPost
        When it is more than `CLOCK_TOLERANCE` ahead, where it would override all corrections
        until then.
    """
    if (
        labelled.labelled_at is not None
        and labelled_time(labelled.labelled_at) - now > CLOCK_TOLERANCE
    ):
        minutes = int(CLOCK_TOLERANCE.total_seconds() / 60)
        raise InvalidPost(
            FUTURE,
            f"labelled_at must not lie more than {minutes} minutes ahead of the clock here; "
            "without a time zone it is in UTC",
        )


def labelled_time(labelled_at: str) -> datetime:
    """Return a label's time; without a time zone, it is in UTC."""
    timestamp = datetime.fromisoformat(labelled_at)
    return timestamp if timestamp.tzinfo else timestamp.replace(tzinfo=UTC)


def given_by(posts: Iterable[LabelledPost], now: datetime) -> list[LabelledPost]:
    """Set the current time on labels without a time."""
    return [replace(post, labelled_at=post.labelled_at or now.isoformat()) for post in posts]


def to_lines(posts: Iterable[LabelledPost]) -> bytes:
    """Return labelled posts as an object's lines, in order."""
    return "".join(json.dumps(labelled_post_record(post)) + "\n" for post in posts).encode()


def read_lines(s3: S3Client, bucket: str, prefix: str) -> Iterator[bytes]:
    """Read every line in the objects under a prefix, in the order of their keys.

    `READERS` objects are read at a time; large ones are stored on disk.
    """

    def fetch(key: str) -> StreamingBody:
        file = SpooledTemporaryFile[bytes](_IN_MEMORY)
        shutil.copyfileobj(s3.get_object(Bucket=bucket, Key=key)["Body"], file)
        size = file.tell()
        file.seek(0)
        return StreamingBody(file, size)

    keys = (found["Key"] for found in listed(s3, bucket, prefix))
    with ThreadPoolExecutor(READERS) as pool:
        while some := list(islice(keys, READERS)):
            for body in pool.map(fetch, some):
                with closing(body):
                    yield from _lines(body)


def stream_lines(s3: S3Client, place: Location) -> Iterator[bytes]:
    """Read an object's lines while it is downloaded."""
    return _lines(s3.get_object(Bucket=place.bucket, Key=place.key)["Body"])


def lines_of(body: bytes) -> Iterator[bytes]:
    """Return an object's non-blank lines."""
    return (line for line in body.splitlines() if line.strip())


def folder_of_training_set(bucket: str, version: str) -> Location:
    """Return the location of a model version's training set."""
    return Location(bucket, f"{DATA_SETS}{version}/")


def version_of_training_set(key: str) -> str | None:
    """Return the version whose training set an object is; None for other objects."""
    match key.split("/"):
        case ["datasets", version, name] if name == POSTS_FILE and version != "base":
            return version
    return None


def read_training_set(s3: S3Client, folder: Location) -> list[LabelledPost]:
    """Read an assembled training set's posts, by the current contract.

    A training set is kept as long as its version. Lines that are no longer valid, such as a removal
    notice accepted by an earlier release, are left out.
    """
    return list(valid_posts(read(s3, folder / POSTS_FILE).splitlines()))


def valid_posts(lines: Iterable[bytes]) -> Iterator[LabelledPost]:
    """Read the valid labelled posts, and leave out other lines."""
    for line in lines:
        try:
            yield parse_labelled_post(line)
        except InvalidPost:
            continue


def _read(line: bytes, is_label: bool, now: datetime) -> LabelledPost:
    """Read a line of the base data or the labels.

    Raises
    ------
    InvalidPost
        When the line is not usable for training.
    """
    labelled = parse_labelled_post(line)
    if is_label != (labelled.labelled_at is not None):
        raise InvalidPost("labelled_at_invalid", "a label needs labelled_at, a base post omits it")
    if any(abs(number) > LARGEST_NUMBER for number in labelled.post.numbers):
        raise InvalidPost("number_too_large", f"a number is beyond {LARGEST_NUMBER:g}")
    check_given(labelled, now)
    return labelled


def _lines(body: StreamingBody) -> Iterator[bytes]:
    return (line for line in body.iter_lines(_CHUNK) if line.strip())
