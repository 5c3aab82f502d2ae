"""What a training set is made of: which base data sets, and how many labels.

Base data is under ``datasets/base/``, one object a set, and a set has the object's name. What a
training set took from each is written beside it, in `SOURCES_FILE`: names, counts and timestamps,
neither a post's id nor its text.
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
    """What labelled posts are, in figures.

    Attributes
    ----------
    positive : int
        Posts with the label 1.
    text_only : int
        Posts without any numeric feature.
    unweighted : int
        Posts of confidence 0, which weigh nothing in training.
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


class BaseSource(NamedTuple):
    """A set of base data, to be read."""

    name: str
    uploaded_at: datetime
    lines: Iterable[bytes]


def base_sources(s3: S3Client, bucket: str) -> Iterator[BaseSource]:
    """Return all base data, set by set, in the order of their keys."""
    for found in listed(s3, bucket, BASE_PREFIX):
        key = found["Key"]
        lines = stream_lines(s3, Location(bucket, key))
        yield BaseSource(base_name(key), found["LastModified"], lines)
