"""A sample of a version's posts in a window, merged from the samples of its parts.

A part's sample has the rows with the smallest `prediction_id`. This id is a hash and independent of
the post's content, so the rows are random, but always the same. The smallest ids of several parts
are among the smallest ids of each part.
"""

from __future__ import annotations

import heapq
import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from stresswatch.aws.s3 import Location, read
from stresswatch.settled.places import Archive
from stresswatch.settled.summaries import Summary
from stresswatch.settled.windows import Window

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_READERS = 8
_ID = itemgetter("prediction_id")


@dataclass(frozen=True)
class Sample:
    """Rows that represent all, and the total number."""

    rows: list[dict[str, Any]]
    posts: int


@dataclass(frozen=True)
class PartSample:
    """A version's rows in a part's sample, ordered by id.

    Attributes
    ----------
    posts : int
        The version's number of posts in the part.
    """

    window: Window
    rows: Sequence[dict[str, Any]]
    posts: int

    @property
    def is_cut(self) -> bool:
        return self.posts > len(self.rows)


def merge(parts: Sequence[PartSample], maximum: int, window: Window) -> Sample:
    """Keep a window's `maximum` rows with the smallest ids.

    If a part extends beyond the window, its rows within are counted. If its sample is truncated,
    the sample's share within the window is used instead.
    """
    kept, posts = [], 0
    for part in parts:
        within = [row for row in part.rows if window.start <= row["predicted_at"] < window.end]
        if part.window.is_within(window):
            posts += part.posts
        elif part.is_cut:
            posts += round(part.posts * len(within) / len(part.rows))
        else:
            posts += len(within)
        kept += within
    # Beyond a truncated sample's last id, rows of its part are missing.
    reach = min((part.rows[-1]["prediction_id"] for part in parts if part.is_cut), default=None)
    return Sample(
        heapq.nsmallest(
            maximum, (row for row in kept if reach is None or _ID(row) <= reach), key=_ID
        ),
        posts,
    )


def read_samples(
    s3: S3Client, bucket: str, archive: Archive, summaries: Sequence[Summary], model_version: str
) -> list[PartSample]:
    """Read a version's rows from the parts' samples."""
    with_posts = [summary for summary in summaries if summary.posts_of(model_version)]

    def fetch(summary: Summary) -> PartSample:
        place = Location(bucket, str(archive.sample_key(summary.part)))
        table = pq.read_table(io.BytesIO(read(s3, place)), partitioning=None)
        rows = table.filter(pc.field("model_version") == model_version).to_pylist()
        for row in rows:
            row["predicted_at"] = row["predicted_at"].replace(tzinfo=UTC)
        return PartSample(summary.part.window, rows, summary.posts_of(model_version))

    with ThreadPoolExecutor(_READERS) as pool:
        return list(pool.map(fetch, with_posts))
