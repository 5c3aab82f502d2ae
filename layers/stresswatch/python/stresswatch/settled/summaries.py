"""Summaries of parts: counts and sums that add up over shards and windows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from stresswatch.aws.s3 import Location, read
from stresswatch.settled.places import Archive, Part
from stresswatch.settled.sources import Sources
from stresswatch.settled.windows import Window
from stresswatch.task.definition import TASK

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_READERS = 16
_FIELD = TASK.label.field
"""Counts without it belong to another task's predictions, and are ignored here."""


@dataclass(frozen=True)
class Counts:
    """One model version's predictions for one source in a part.

    Attributes
    ----------
    positive : int
        Posts predicted as positive.
    probability_sum, probability_sum_squares : float
        Sums of the positive class's probability.
    imputed : int
        Missing values that were imputed.
    drawable : int
        Posts that could be drawn for labelling.
    drawable_probability_sum : float
        Sum over these posts.
    drawn : int
        Posts among them that were drawn.
    """

    model_version: str
    source: str | None
    posts: int
    positive: int
    probability_sum: float
    probability_sum_squares: float
    imputed: int
    drawable: int
    drawable_probability_sum: float
    drawn: int

    def to_dict(self) -> dict[str, Any]:
        """Return the counts, with the positive ones under the label field's name."""
        return {_FIELD if name == "positive" else name: n for name, n in asdict(self).items()}

    @staticmethod
    def of(fields: Mapping[str, Any]) -> Counts:
        """Read the result of `to_dict`."""
        return Counts(**{"positive" if name == _FIELD else name: n for name, n in fields.items()})


@dataclass(frozen=True)
class Summary:
    """A part's counts.

    Attributes
    ----------
    sources : str
        The digest of the settled raw objects; a different one means that the part is outdated.
    objects : int
        Number of these objects.
    smoke_posts : int
        Rows of smoke tests, which are counted nowhere else.
    """

    part: Part
    sources: str
    objects: int
    smoke_posts: int
    counts: tuple[Counts, ...]

    @property
    def posts(self) -> int:
        return sum(one.posts for one in self.counts)

    def posts_of(self, model_version: str) -> int:
        return sum(one.posts for one in self.counts if one.model_version == model_version)

    def is_current(self, found: Sources) -> bool:
        """Return whether the part is up to date with these objects.

        Raw objects expire before their summaries, and nothing else deletes them. So with fewer
        objects than were settled, the part is more complete than they are.
        """
        return self.sources == found.digest or self.objects > found.objects

    def to_json(self) -> str:
        """Return the summary as text, always the same for equal summaries."""
        fields = {
            **self.part.window.to_dict(),
            "shard": self.part.shard,
            "sources": self.sources,
            "objects": self.objects,
            "posts": self.posts,
            "smoke_posts": self.smoke_posts,
            "counts": [one.to_dict() for one in self.counts],
        }
        return json.dumps(fields, indent=1)

    @staticmethod
    def from_json(text: str | bytes) -> Summary:
        fields: dict[str, Any] = json.loads(text)
        return Summary(
            Part(Window.of(fields, minutes=0), fields["shard"]),
            fields["sources"],
            fields["objects"],
            fields["smoke_posts"],
            tuple(Counts.of(one) for one in fields["counts"] if _FIELD in one),
        )


def read_summaries(
    s3: S3Client, bucket: str, archive: Archive, parts: Iterable[Part]
) -> list[Summary]:
    """Read the summaries of parts, in their order."""

    def fetch(part: Part) -> Summary:
        return Summary.from_json(read(s3, Location(bucket, archive.summary_key(part))))

    with ThreadPoolExecutor(_READERS) as pool:
        return list(pool.map(fetch, parts))
