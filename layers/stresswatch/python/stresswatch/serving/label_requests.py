"""Labels that come by request: each is kept with the time that decides whether it counts.

A request may come again, as its caller had no answer, or because somebody gives a label once more
after another one. The first is no news, and the second must count as the newest.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from stresswatch.aws.s3 import Location, listed, put_if_absent
from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.storage.training_sets import LABELS_PREFIX, given_by, labelled_time, to_lines
from stresswatch.versions.model_version import sha256

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

RETRY_WINDOW = timedelta(minutes=5)
"""How long a request that comes again may be a retry."""

_UNPUNCTUATED = str.maketrans("", "", "-:")


def label_key(given: datetime, name: str) -> str:
    """Name an object of labels so that names sort by the time at which they were given, in UTC."""
    return f"{LABELS_PREFIX}{_stamp(given)}-{name}.jsonl"


def write_labels(s3: S3Client, bucket: str, labels: Sequence[LabelledPost], now: datetime) -> bool:
    """Write labels where retrainings and live quality find them; tell whether they were new.

    Labels that all say when they were given are named after that and themselves: the same ones are
    there once, and lose nothing by it. Others are given now. The same ones again are a retry, and
    not written, where they came within `RETRY_WINDOW` and no others were given in between, which
    they might contradict.
    """
    name = f"web-{sha256(to_lines(labels))[:32]}"
    said = [labelled.labelled_at for labelled in labels if labelled.labelled_at is not None]
    if len(said) == len(labels):
        return _write(s3, bucket, label_key(max(map(labelled_time, said)), name), labels)
    last = _last(s3, bucket, since=now - RETRY_WINDOW, until=now)
    if last is not None and last.endswith(f"-{name}.jsonl"):
        return False
    return _write(s3, bucket, label_key(now, name), given_by(labels, now))


def _stamp(given: datetime) -> str:
    try:
        utc = given.astimezone(UTC)
    except OverflowError:  # it lies before the year 1 there
        utc = datetime.min
    return utc.replace(tzinfo=None).isoformat(timespec="microseconds").translate(_UNPUNCTUATED)


def _last(s3: S3Client, bucket: str, since: datetime, until: datetime) -> str | None:
    """Return the key of the newest object that is named after a time from `since` until `until`.

    One of a later time beats whatever is given now, so it makes no difference to a retry.
    """
    # Keys that are named otherwise begin with a letter, and sort behind.
    end = f"{LABELS_PREFIX}{_stamp(until)}~"
    last = None
    for found in listed(s3, bucket, LABELS_PREFIX, f"{LABELS_PREFIX}{_stamp(since)}"):
        if found["Key"] > end:
            return last
        last = found["Key"]
    return last


def _write(s3: S3Client, bucket: str, key: str, labels: Sequence[LabelledPost]) -> bool:
    lines = to_lines(labels)
    return put_if_absent(s3, Location(bucket, key), lines, ContentType="application/x-ndjson")
