"""A sample of a version's posts in a window: the samples of its parts, merged.

A part's sample has the rows with the smallest `prediction_id`. That is a hash, which knows nothing
of the post: the rows are drawn by lot, the same ones each time, and the smallest of several parts
are among the smallest of each.
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
    """Rows that stand for all, and how many all are."""

    rows: list[dict[str, Any]]
    posts: int


@dataclass(frozen=True)
class PartSample:
    """A version's rows in the sample of a part, in the order of their ids.

    Attributes
    ----------
    posts : int
        How many the version has in the part.
    """

    window: Window
    rows: Sequence[dict[str, Any]]
    posts: int

    @property
    def is_cut(self) -> bool:
        return self.posts > len(self.rows)


def merge(parts: Sequence[PartSample], maximum: int, window: Window) -> Sample:
    """Keep the `maximum` rows of a window whose ids are the smallest.

    Of parts that reach out of the window, the rows within are counted; where such a sample is cut,
    its share of them stands for the part's.
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
    # Beyond the last id of a sample that is cut, rows of its part are missing.
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
    """Read a version's rows in the samples of parts."""
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
