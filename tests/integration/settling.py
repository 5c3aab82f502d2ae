"""Settle archived batches, as the monitoring workflow does."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from stresswatch.aws.s3 import listed
from stresswatch.settled.places import ARCHIVES, Part
from stresswatch.settled.settle import settle
from stresswatch.settled.windows import Window
from stresswatch.storage.archive import ArchivedObject

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_HOUR = timedelta(hours=1)


def settle_all(s3: S3Client, bucket: str = "archive") -> None:
    """Settle every part that has raw objects, in windows of an hour, including the running one."""
    for archive in ARCHIVES.values():
        parts = set()
        for found in listed(s3, bucket, archive.raw):
            one = ArchivedObject.of(found["Key"])
            hour = one.at.replace(minute=0, second=0, microsecond=0)
            parts.add(Part(Window(hour, hour + _HOUR), one.shard))
        for part in parts:
            settle(s3, bucket, archive, part, sample_posts=100)
