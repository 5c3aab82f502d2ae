"""What a training set is made of: which base data sets, and how many labels.

Base data is under ``datasets/base/``, one object a set, and a set has the object's name. What a
training set took from each is written beside it, in `SOURCES_FILE`: names, counts and timestamps,
neither a post's id nor its text.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from stresswatch.aws.identifiers import OBJECT_NAME
from stresswatch.aws.s3 import listed
from stresswatch.contracts.labelled_posts import LabelledPost, parse_labelled_post
from stresswatch.contracts.posts import InvalidPost
from stresswatch.storage.training_sets import BASE_PREFIX, TrainingSet

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SOURCES_FILE = "sources.json"
_ENDING = ".jsonl"


@dataclass(frozen=True)
class Counts:
    """What labelled posts are, in figures.

    Attributes
    ----------
    stressed : int
        Posts with the label 1.
    text_only : int
        Posts without any numeric feature.
    unweighted : int
        Posts of confidence 0, which weigh nothing in training.
    """

    posts: int = 0
    stressed: int = 0
    text_only: int = 0
    unweighted: int = 0

    @staticmethod
    def of(posts: Iterable[LabelledPost]) -> Counts:
        """Count labelled posts."""
        every = list(posts)
        return Counts(
            posts=len(every),
            stressed=sum(one.label for one in every),
            text_only=sum(all(map(math.isnan, one.post.numbers)) for one in every),
            unweighted=sum(one.confidence == 0 for one in every),
        )


@dataclass(frozen=True)
class BaseSet:
    """A set of base data, as it was when a training set was made of it.

    Attributes
    ----------
    posts : int
        Posts that the training set has of it. A post of several sets counts for the last by name,
        and one that was labelled otherwise since counts as a label.
    uploaded_at : str
        ISO 8601.
    """

    posts: int
    uploaded_at: str


@dataclass(frozen=True)
class Sources:
    """The make-up of a training set.

    Attributes
    ----------
    counts : Counts
        Of all of its posts.
    invalid : int
        Lines that were left out.
    base : dict of str to BaseSet
        By name; sets of which nothing was taken are among them.
    labels : int
        Posts with labels that came since.
    """

    counts: Counts
    invalid: int
    base: Mapping[str, BaseSet]
    labels: int

    def to_bytes(self) -> bytes:
        return json.dumps(asdict(self), sort_keys=True).encode()

    @staticmethod
    def from_bytes(content: bytes) -> Sources:
        record = json.loads(content)
        return Sources(
            counts=Counts(**record["counts"]),
            invalid=record["invalid"],
            base={name: BaseSet(**one) for name, one in record["base"].items()},
            labels=record["labels"],
        )


def base_key(name: str) -> str:
    """Return the key of a set of base data."""
    return f"{BASE_PREFIX}{OBJECT_NAME.encode(name)}{_ENDING}"


def base_name(key: str) -> str:
    """Return the name of the set that an object of base data is."""
    return OBJECT_NAME.decode(key.removeprefix(BASE_PREFIX).removesuffix(_ENDING))


class BaseReader:
    """Reads all base data, set by set, and remembers which set each post is of.

    A post is remembered by a digest of 16 bytes, so that its text is not held twice.
    """

    def __init__(self, s3: S3Client, bucket: str):
        self._s3 = s3
        self._bucket = bucket
        self._uploaded: dict[str, datetime] = {}
        self._set_of: dict[bytes, str] = {}

    def lines(self) -> Iterator[bytes]:
        """Read every line of every set, in the order of their keys."""
        for found in listed(self._s3, self._bucket, BASE_PREFIX):
            answer = self._s3.get_object(Bucket=self._bucket, Key=found["Key"])
            lines = [line for line in answer["Body"].read().splitlines() if line.strip()]
            if lines:
                self._remember(base_name(found["Key"]), answer["LastModified"], lines)
            yield from lines

    def _remember(self, name: str, uploaded: datetime, lines: Iterable[bytes]) -> None:
        self._uploaded[name] = uploaded
        for line in lines:
            with suppress(InvalidPost):  # whoever assembles the training set counts these
                self._set_of[_digest(parse_labelled_post(line))] = name

    def sources(self, training_set: TrainingSet) -> Sources:
        """Return what a training set has of each set that was read."""
        taken = Counter(self._set_of[_digest(labelled)] for labelled in training_set.base)
        return Sources(
            counts=Counts.of(training_set.base + training_set.new),
            invalid=training_set.invalid,
            base={
                name: BaseSet(taken[name], uploaded.isoformat(timespec="seconds"))
                for name, uploaded in self._uploaded.items()
            },
            labels=len(training_set.new),
        )


def _digest(labelled: LabelledPost) -> bytes:
    key = json.dumps([labelled.post.post_id, labelled.post.text]).encode()
    return hashlib.blake2b(key, digest_size=16).digest()
