"""Training sets in memory, for tests to inspect."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from stresswatch.contracts.labelled_posts import LabelledPost, labelled_post_record
from stresswatch.storage.assembly import assemble
from stresswatch.storage.training_sets import valid_posts
from stresswatch.storage.training_sources import BaseSource, Sources

UPLOADED = datetime(2026, 11, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Assembled:
    """A whole training set: its posts in line order."""

    content: bytes
    sources: Sources
    future: int
    contradictory: int
    holds_out: bool

    @property
    def posts(self) -> list[LabelledPost]:
        return list(valid_posts(self.content.splitlines()))

    @property
    def base(self) -> list[LabelledPost]:
        return [one for one in self.posts if one.labelled_at is None]

    @property
    def new(self) -> list[LabelledPost]:
        return [one for one in self.posts if one.labelled_at is not None]

    @property
    def invalid(self) -> int:
        return self.sources.invalid


def assembled(
    base: Iterable[bytes], labels: Iterable[bytes], now: datetime | None = None
) -> Assembled:
    """Assemble a set from base data and labels."""
    with assemble([BaseSource("posts", UPLOADED, base)], labels, now) as made:
        return Assembled(
            b"".join(made.lines()),
            made.sources,
            made.future,
            made.contradictory,
            made.has_base_holdout(),
        )


def content_of(posts: Iterable[LabelledPost]) -> bytes:
    """Return the training set that holds these posts."""
    records = (json.dumps(labelled_post_record(one), sort_keys=True) for one in posts)
    return "".join(sorted(f"{record}\n" for record in records)).encode()
