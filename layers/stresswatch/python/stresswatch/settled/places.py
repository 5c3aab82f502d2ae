"""Locations in the settled archive: a part for each window and shard, and its products.

Each kind of object has its own prefix, because Athena reads every object under a table's prefix.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from stresswatch.aws.s3 import listed
from stresswatch.errors import Unavailable
from stresswatch.settled.windows import Window
from stresswatch.storage import archive
from stresswatch.versions import shadow

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

NOTHING = "none"
"""Name for a shard without records: an empty part means "nothing", a missing one "not yet"."""


class NotSettled(Unavailable):
    """A window is not yet completely settled."""


class Part(NamedTuple):
    """A unit of settling: one shard's rows of one window."""

    window: Window
    shard: str


@dataclass(frozen=True)
class Archive:
    """The prefixes of one archive.

    Attributes
    ----------
    name : str
        The archive's name in jobs.
    raw : str
        Prefix of the raw objects.
    settled, summaries : str
        Prefixes of the settled rows and their summaries.
    samples : str or None
        Prefix of the samples; None if unused.
    drawn : str or None
        Prefix of the rows of posts drawn for labelling; None on a stage without a label queue.
    """

    name: str
    raw: str
    settled: str
    summaries: str
    samples: str | None
    drawn: str | None

    @property
    def made(self) -> tuple[str, ...]:
        """The prefixes of all settled objects."""
        prefixes = (self.settled, self.summaries, self.samples, self.drawn)
        return tuple(prefix for prefix in prefixes if prefix)

    def rows_key(self, part: Part) -> str:
        return f"{self.settled}{_place(part)}.parquet"

    def summary_key(self, part: Part) -> str:
        return f"{self.summaries}{_place(part)}.summary.json"

    def sample_key(self, part: Part) -> str | None:
        return f"{self.samples}{_place(part)}.parquet" if self.samples else None

    def drawn_key(self, part: Part) -> str | None:
        return f"{self.drawn}{_place(part)}.parquet" if self.drawn else None


PREDICTIONS = Archive(
    "predictions",
    archive.PREFIX,
    "settled/",
    "settled-summaries/",
    "settled-samples/",
    "settled-drawn/",
)
SHADOW = Archive(
    "shadow", shadow.ARCHIVE_PREFIX, "settled-shadow/", "settled-shadow-summaries/", None, None
)
ARCHIVES = {one.name: one for one in (PREDICTIONS, SHADOW)}


def part_of(key: str) -> Part:
    """Return the part of an object, from its key.

    Raises
    ------
    ValueError
        When it is not a part's key.
    """
    start, end, rest = key.rpartition("/")[2].split("-", 2)
    window = Window(datetime.fromisoformat(start), datetime.fromisoformat(end))
    return Part(window, rest.partition(".")[0])


def settled_parts(
    s3: S3Client, bucket: str, archive: Archive, start: datetime, end: datetime
) -> list[Part]:
    """List the parts with a summary that overlap the time from `start` to `end`.

    They are listed by day, because windows end at midnight, UTC, at the latest.
    """
    return [
        part
        for day in _days(start, end)
        for found in listed(s3, bucket, f"{archive.summaries}{day:date=%Y-%m-%d/}")
        if (part := part_of(found["Key"])).window.overlaps(start, end)
    ]


def _place(part: Part) -> str:
    start = part.window.start.astimezone(UTC)
    return f"{start:date=%Y-%m-%d/hour=%H/}{part.window.name}-{part.shard}"


def _days(start: datetime, end: datetime) -> Iterator[datetime]:
    day = start.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    while day < end:
        yield day
        day += timedelta(days=1)
