"""What the archive has for a workflow run: raw objects by shard, summaries, measured windows."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from stresswatch.aws.s3 import listed
from stresswatch.settled.places import Archive, settled_parts
from stresswatch.settled.plan import Holding, as_settled, holding
from stresswatch.settled.sources import TOLERANCE, reach
from stresswatch.settled.summaries import read_summaries
from stresswatch.settled.windows import Window
from stresswatch.storage import archive as raw
from stresswatch.storage import prefixes
from stresswatch.storage.archive import ArchivedObject

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def look_at(s3: S3Client, bucket: str, archive: Archive, grid: Sequence[Window]) -> Holding:
    """Find an archive's contents for the windows of a grid."""
    parts = settled_parts(s3, bucket, archive, grid[0].start, grid[-1].end)
    windows = as_settled(grid, {part.window for part in parts})
    shards = _shards(s3, bucket, archive, windows)
    return holding(archive, windows, shards, read_summaries(s3, bucket, archive, parts))


def measured_windows(s3: S3Client, bucket: str, grid: Sequence[Window]) -> set[str]:
    """Return the names of those days' windows in the drift history."""
    days = {f"{window.start:date=%Y-%m-%d/}" for window in grid}
    keys = [found["Key"] for day in days for found in listed(s3, bucket, f"{prefixes.DRIFT}{day}")]
    return {"-".join(key.rpartition("/")[2].split("-", 2)[:2]) for key in keys}


def _shards(
    s3: S3Client, bucket: str, archive: Archive, windows: Sequence[Window]
) -> Iterator[list[ArchivedObject]]:
    """List the objects shard by shard; one shard's are in memory at a time.

    Each hour's listing is ordered by shard, because Kinesis shard names have equal lengths.
    """
    begin, end = windows[0].start, windows[-1].end
    since = begin.replace(minute=0) - TOLERANCE  # whole hours, as it lists them
    hours = (
        map(ArchivedObject.of, _keys(s3, bucket, hour))
        for hour in raw.hour_prefixes(archive.raw, since, end)
    )
    by_shard = heapq.merge(*hours, key=lambda one: one.shard)
    for shard, found in groupby(by_shard, key=lambda one: one.shard):
        objects = list(found)
        back = reach([one for one in objects if begin <= one.at < end], begin)
        if back < since:  # what arrived so long ago was late: earlier deliveries may be as old
            objects += raw.objects(s3, bucket, back, since, archive.raw, shard)
        yield sorted(objects, key=lambda one: one.at)


def _keys(s3: S3Client, bucket: str, prefix: str) -> Iterator[str]:
    return (found["Key"] for found in listed(s3, bucket, prefix))
