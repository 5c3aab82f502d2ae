"""A training set's make-up: its base data sets, and its number of labels.

Base data is under ``datasets/base/``, with one object per set, which has the set's name.
`SOURCES_FILE` beside a training set records its sources: names, counts and timestamps, without ids
and texts.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from stresswatch.aws.identifiers import OBJECT_NAME
from stresswatch.aws.s3 import Location, listed
from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.storage.training_sets import BASE_PREFIX, stream_lines

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SOURCES_FILE = "sources.json"
_ENDING = ".jsonl"


@dataclass(frozen=True)
class Counts:
    """Counts of labelled posts.

    Attributes
    ----------
    positive : int
        Posts with the label 1.
    text_only : int
        Posts without any numeric feature.
    unweighted : int
        Posts with confidence 0, which weigh nothing in training.
    """

    posts: int = 0
    positive: int = 0
    text_only: int = 0
    unweighted: int = 0

    @staticmethod
    def of(posts: Iterable[LabelledPost]) -> Counts:
        """Count labelled posts."""
        every = list(posts)
        return Counts(
            posts=len(every),
            positive=sum(one.label for one in every),
            text_only=sum(all(map(math.isnan, one.post.numbers)) for one in every),
            unweighted=sum(one.confidence == 0 for one in every),
        )


@dataclass(frozen=True)
class BaseSet:
    """A base data set at the time of a training set's assembly.

    Attributes
    ----------
    posts : int
        Posts that the training set took from it. A post in several sets counts for the last by
        name, and one with a later, different label counts as a label.
    uploaded_at : str
        ISO 8601.
    """

    posts: int
    uploaded_at: str


@dataclass(frozen=True)
class Sources:
    """A training set's make-up.

    Attributes
    ----------
    counts : Counts
        Over all posts.
    invalid : int
        Lines that were left out.
    base : dict of str to BaseSet
        By name, including unused sets.
    labels : int
        Number of posts with later labels.
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
    """Return the key of a base data set."""
    return f"{BASE_PREFIX}{OBJECT_NAME.encode(name)}{_ENDING}"


def base_name(key: str) -> str:
    """Return the name of a base data object's set."""
    return OBJECT_NAME.decode(key.removeprefix(BASE_PREFIX).removesuffix(_ENDING))


class BaseSource(NamedTuple):
    """A base data set to read."""

    name: str
    uploaded_at: datetime
    lines: Iterable[bytes]


def base_sources(s3: S3Client, bucket: str) -> Iterator[BaseSource]:
    """Return all base data, set by set, in the order of their keys."""
    for found in listed(s3, bucket, BASE_PREFIX):
        key = found["Key"]
        lines = stream_lines(s3, Location(bucket, key))
        yield BaseSource(base_name(key), found["LastModified"], lines)
