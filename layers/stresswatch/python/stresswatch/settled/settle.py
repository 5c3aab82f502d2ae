"""Settle a part: turn its raw objects into unique rows, samples and a summary.

Settling again writes the same bytes, so you can stop it at any time and rerun it. The summary is
written last and marks the part as settled. Every write requires the object to be unchanged since
before the listing, so an outdated run replaces nothing newer.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from stresswatch.aws.s3 import Location, listed, put_if_unchanged, read
from stresswatch.errors import AwsFailure
from stresswatch.settled.places import NOTHING, Archive, Part
from stresswatch.settled.rows import rows_in
from stresswatch.settled.sources import Sources, reach, sources
from stresswatch.settled.summaries import Summary
from stresswatch.storage import archive as raw
from stresswatch.storage.archive import ArchivedObject

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_PARQUET = "application/vnd.apache.parquet"


class Overtaken(AwsFailure):
    """Another run settled the same part in the meantime; settle it again."""


def settle(s3: S3Client, bucket: str, archive: Archive, part: Part, sample_posts: int) -> Summary:
    """Settle one shard's objects in one window, and return the summary.

    A part whose raw objects have expired is left unchanged.

    Raises
    ------
    Overtaken
        When another run wrote one of the part's objects after this one began.
    """
    keys = [
        archive.rows_key(part),
        archive.sample_key(part),
        archive.drawn_key(part),
        archive.summary_key(part),
    ]
    etags = {key: _etag(s3, bucket, key) for key in keys if key}
    found = _sources(s3, bucket, archive, part)
    if etags[archive.summary_key(part)]:
        known = Summary.from_json(read(s3, Location(bucket, archive.summary_key(part))))
        if known.objects > found.objects:
            return known
    with tempfile.TemporaryDirectory() as name, rows_in(Path(name)) as rows:
        repeated = raw.overlapping([*found.earlier, *found.of_window])
        files = _download(s3, bucket, [*found.earlier, *found.of_window], Path(name))
        rows.write(
            [file for key, file in files.items() if key not in repeated],
            [file for key, file in files.items() if key in repeated],
            part.window.start,
        )
        smoke_posts, counts = rows.counts()
        summary = Summary(part, found.digest, found.objects, smoke_posts, counts)
        _put_file(s3, bucket, archive.rows_key(part), rows.file, etags)
        if key := archive.sample_key(part):
            rows.write_sample(counts, sample_posts)
            _put_file(s3, bucket, key, rows.sample_file, etags)
        if key := archive.drawn_key(part):
            rows.write_drawn()
            _put_file(s3, bucket, key, rows.drawn_file, etags)
    _put(
        s3, bucket, archive.summary_key(part), summary.to_json().encode(), etags, "application/json"
    )
    return summary


def _etag(s3: S3Client, bucket: str, key: str) -> str | None:
    # By listing: a role may list only certain prefixes, and S3 then denies access to a missing
    # object.
    found = next(listed(s3, bucket, key), None)
    return found["ETag"] if found and found["Key"] == key else None


def _sources(s3: S3Client, bucket: str, archive: Archive, part: Part) -> Sources:
    if part.shard == NOTHING:
        return Sources([], [])
    window = part.window
    found = raw.objects(s3, bucket, window.start, window.end, archive.raw, part.shard)
    since = reach(found, window.start)
    earlier = raw.objects(s3, bucket, since, window.start, archive.raw, part.shard)
    return sources(sorted([*earlier, *found], key=lambda one: one.at), window)


def _download(
    s3: S3Client, bucket: str, objects: Sequence[ArchivedObject], folder: Path
) -> dict[str, Path]:
    """Download objects to a folder; return their files by key, without empty ones."""

    def fetch(one: ArchivedObject) -> Path:
        file = folder / one.name
        with file.open("wb") as target:
            shutil.copyfileobj(s3.get_object(Bucket=bucket, Key=one.key)["Body"], target)
        return file

    with ThreadPoolExecutor(raw.READERS) as pool:
        files = zip(objects, pool.map(fetch, objects), strict=True)
        return {one.key: file for one, file in files if file.stat().st_size}


def _put_file(
    s3: S3Client, bucket: str, key: str, file: Path, etags: dict[str, str | None]
) -> None:
    with file.open("rb") as body:
        _put(s3, bucket, key, body, etags, _PARQUET)


def _put(
    s3: S3Client,
    bucket: str,
    key: str,
    body: bytes | BinaryIO,
    etags: dict[str, str | None],
    content_type: str,
) -> None:
    """Write an object if it is unchanged."""
    place = Location(bucket, key)
    if not put_if_unchanged(s3, place, body, etags[key], ContentType=content_type):
        raise Overtaken(f"another settle wrote {key} meanwhile")
