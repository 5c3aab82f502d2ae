"""What training sets are made of, and where they are: base data, and labels that came in since."""

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
"""A post with a number beyond it is predicted, but not learned from: a column's variance, which is
made of squares, would overflow, and one such label would end every training."""
CLOCK_TOLERANCE = timedelta(minutes=5)
"""By how much the clock of who gives a label may be ahead."""
FUTURE = "labelled_at_in_future"
"""The reason of a label that was given later than now, by what it says."""
_IN_MEMORY = 1 << 20
"""Bytes; an object that has more is on disk while it is read."""
_CHUNK = 1 << 20

Identity = tuple[str, str]
"""What a post is known by: its id, and its text as texts are compared."""


@dataclass
class LineReader:
    """Reads the lines that may be learned from, and counts the others.

    Attributes
    ----------
    now : datetime
        No label can have been given more than `CLOCK_TOLERANCE` later.
    invalid : int
        Lines that broke the contract, hold a number beyond `LARGEST_NUMBER` or were given later
        than now.
    future : int
        Those of them that were given later than now.
    """

    now: datetime
    invalid: int = 0
    future: int = 0

    def read(self, lines: Iterable[bytes], *, are_labels: bool) -> Iterator[LabelledPost]:
        """Read lines of JSON.

        A label must say when it was given (`labelled_at`), and a base post must not: that tells new
        posts from base ones ever after.
        """
        for line in lines:
            try:
                yield _read(line, are_labels, self.now)
            except InvalidPost as error:
                self.invalid += 1
                self.future += error.reason == FUTURE


def identity_of(post: Post) -> Identity:
    """Return what a post is known by: its id, and its text as texts are compared."""
    return post.post_id, canonical(post.text)


def contradictions(posts: Iterable[LabelledPost]) -> int:
    """Count the posts that have both labels."""
    labels: dict[Identity, set[int]] = {}
    for labelled in posts:
        labels.setdefault(identity_of(labelled.post), set()).add(labelled.label)
    return sum(len(found) > 1 for found in labels.values())


def check_given(labelled: LabelledPost, now: datetime) -> None:
    """Check that a label was given, by what it says, at no later time than now.

    Raises
    ------
    InvalidPost
        When it lies more than `CLOCK_TOLERANCE` ahead: it would beat each correction until then.
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
    """Return the time at which a label was given; without a time zone, it is in UTC."""
    moment = datetime.fromisoformat(labelled_at)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def given_by(posts: Iterable[LabelledPost], now: datetime) -> list[LabelledPost]:
    """Let labels that do not say when they were given be given now."""
    return [replace(post, labelled_at=post.labelled_at or now.isoformat()) for post in posts]


def to_lines(posts: Iterable[LabelledPost]) -> bytes:
    """Write labelled posts as the lines of an object, in their order."""
    return "".join(json.dumps(labelled_post_record(post)) + "\n" for post in posts).encode()


def read_lines(s3: S3Client, bucket: str, prefix: str) -> Iterator[bytes]:
    """Read every line of the objects under a prefix, in the order of their keys.

    `READERS` objects are read at a time; large ones are on disk meanwhile.
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
    """Read every line of an object while it comes."""
    return _lines(s3.get_object(Bucket=place.bucket, Key=place.key)["Body"])


def lines_of(body: bytes) -> Iterator[bytes]:
    """Return the lines of an object that are not blank."""
    return (line for line in body.splitlines() if line.strip())


def folder_of_training_set(bucket: str, version: str) -> Location:
    """Return where the training set of a model version is."""
    return Location(bucket, f"{DATA_SETS}{version}/")


def version_of_training_set(key: str) -> str | None:
    """Name the model version whose training set an object is; None for any other object."""
    match key.split("/"):
        case ["datasets", version, name] if name == POSTS_FILE and version != "base":
            return version
    return None


def read_training_set(s3: S3Client, folder: Location) -> list[LabelledPost]:
    """Read the posts of an assembled training set, by the contract of today.

    A training set is kept as long as its version. Lines that the contract takes for posts no more,
    such as a notice of removal that an earlier release learned from, are left out.
    """
    return list(valid_posts(read(s3, folder / POSTS_FILE).splitlines()))


def valid_posts(lines: Iterable[bytes]) -> Iterator[LabelledPost]:
    """Read the lines that are labelled posts, and leave out the others."""
    for line in lines:
        try:
            yield parse_labelled_post(line)
        except InvalidPost:
            continue


def _read(line: bytes, is_label: bool, now: datetime) -> LabelledPost:
    """Read a line of the base data or of the labels.

    Raises
    ------
    InvalidPost
        When it may not be learned from.
    """
    labelled = parse_labelled_post(line)
    if is_label != (labelled.labelled_at is not None):
        raise InvalidPost("labelled_at_invalid", "a label has labelled_at, and a base post has not")
    if any(abs(number) > LARGEST_NUMBER for number in labelled.post.numbers):
        raise InvalidPost("number_too_large", f"a number is beyond {LARGEST_NUMBER:g}")
    check_given(labelled, now)
    return labelled


def _lines(body: StreamingBody) -> Iterator[bytes]:
    return (line for line in body.iter_lines(_CHUNK) if line.strip())
