"""Training sets: the base data set plus the labelled posts that came in since.

A training set is the file ``posts.jsonl`` under ``datasets/<version>/``: one labelled post a line,
in an order and form that depend on the posts alone, so that the same posts have the same digest.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from stresswatch.aws.s3 import Location, listed, read
from stresswatch.contracts.labelled_posts import (
    LabelledPost,
    labelled_post_record,
    parse_labelled_post,
)
from stresswatch.contracts.posts import InvalidPost, Post
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

Identity = tuple[str, str]
"""What a post is known by: its id, and its text as texts are compared."""


@dataclass(frozen=True)
class TrainingSet:
    """Labelled posts, each once.

    Attributes
    ----------
    base, new : list of LabelledPost
        From the base data set, and from ``labels/``. A post of both is new where its newest label
        differs: one that repeats the base data's says nothing new, and the post stands.
    invalid : int
        Lines that broke the contract, hold a number beyond `LARGEST_NUMBER` or were given later
        than now, and were left out.
    future : int
        Those of them that were given later than now.
    contradictory : int
        Posts that the base data has with both labels.
    """

    base: list[LabelledPost]
    new: list[LabelledPost]
    invalid: int
    future: int = 0
    contradictory: int = 0

    @property
    def posts(self) -> list[LabelledPost]:
        """All of them, in no order that means anything."""
        return self.base + self.new

    @property
    def unweighted(self) -> int:
        """Count the posts of confidence 0, which weigh nothing in training."""
        return sum(labelled.confidence == 0 for labelled in self.posts)

    def to_bytes(self) -> bytes:
        """Write the posts as JSON Lines; new ones carry their ``labelled_at``."""
        lines = sorted(
            json.dumps(labelled_post_record(post), sort_keys=True) for post in self.posts
        )
        return "".join(f"{line}\n" for line in lines).encode()


def assemble(
    base: Iterable[bytes], labels: Iterable[bytes], now: datetime | None = None
) -> TrainingSet:
    """Make a training set of lines of JSON.

    A label must say when it was given (`labelled_at`), and a base post must not: that tells new
    posts from base ones ever after. A post is known by its id and text together (`identity_of`), as
    one long post may be labelled in segments that share its id. Of several labels the newest wins;
    of those given at the same time, and of base posts, the surer one, and of those the one that
    says stressed.

    Parameters
    ----------
    now : datetime, optional
        No label can have been given more than `CLOCK_TOLERANCE` later; by default, the time of the
        call.
    """
    now = now or datetime.now(UTC)
    of_base: dict[Identity, LabelledPost] = {}
    given: dict[Identity, LabelledPost] = {}
    contradictory: set[Identity] = set()
    invalid = future = 0
    for lines, known, is_new in ((base, of_base, False), (labels, given, True)):
        for line in lines:
            try:
                labelled = _read(line, is_new, now)
            except InvalidPost as error:
                invalid += 1
                future += error.reason == FUTURE
                continue
            key = identity_of(labelled.post)
            other = known.setdefault(key, labelled)
            if not is_new and labelled.label != other.label:
                contradictory.add(key)
            if other is not labelled and _precedence(labelled) > _precedence(other):
                known[key] = labelled
    new = {key: post for key, post in given.items() if not _repeats(post, of_base.get(key))}
    return TrainingSet(
        base=[post for key, post in of_base.items() if key not in new],
        new=list(new.values()),
        invalid=invalid,
        future=future,
        contradictory=len(contradictory),
    )


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


def new_labels(training_set: TrainingSet, known: Iterable[LabelledPost]) -> int:
    """Count the labels that a training set of before had not, or had otherwise.

    One that was given back counts as well: its post stands again, and was new before.
    """
    before = {identity_of(one.post): one for one in known}

    def is_new(labelled: LabelledPost) -> bool:
        other = before.get(identity_of(labelled.post))
        if labelled.labelled_at is None:
            return (
                other is not None
                and other.labelled_at is not None
                and other.label != labelled.label
            )
        return other is None or other.label != labelled.label

    return sum(map(is_new, training_set.posts))


def read_lines(s3: S3Client, bucket: str, prefix: str) -> Iterator[bytes]:
    """Read every line of the objects under a prefix, in the order of their keys."""
    for found in listed(s3, bucket, prefix):
        yield from lines_of(read(s3, Location(bucket, found["Key"])))


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


def _read(line: bytes, is_new: bool, now: datetime) -> LabelledPost:
    """Read a line of the base data or of the labels.

    Raises
    ------
    InvalidPost
        When it may not be learned from.
    """
    labelled = parse_labelled_post(line)
    if is_new != (labelled.labelled_at is not None):
        raise InvalidPost("labelled_at_invalid", "a label has labelled_at, and a base post has not")
    if any(abs(number) > LARGEST_NUMBER for number in labelled.post.numbers):
        raise InvalidPost("number_too_large", f"a number is beyond {LARGEST_NUMBER:g}")
    check_given(labelled, now)
    return labelled


def _repeats(labelled: LabelledPost, base: LabelledPost | None) -> bool:
    return base is not None and (labelled.label, labelled.confidence) == (
        base.label,
        base.confidence,
    )


def _precedence(labelled: LabelledPost) -> tuple[datetime, float, int, str]:
    """Return what decides between two labels of a post: the greater counts.

    The last part decides between records that differ in nothing that matters, so that the order of
    lines and files never does.
    """
    return (
        labelled_time(labelled.labelled_at) if labelled.labelled_at else _NEVER,
        labelled.confidence,
        labelled.label,
        json.dumps(labelled_post_record(labelled), sort_keys=True),
    )


_NEVER = datetime.min.replace(tzinfo=UTC)
