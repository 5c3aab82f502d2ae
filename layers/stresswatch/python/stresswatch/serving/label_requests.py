"""Labels from requests: each is stored under the time that decides its precedence.

A request can repeat: a caller retries without an answer, or submits a label again after a different
one. A retry changes nothing; in the second case the last label must win.
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
"""Time within which a repeated request counts as a retry."""

_UNPUNCTUATED = str.maketrans("", "", "-:")


def label_key(given: datetime, name: str) -> str:
    """Name an object of labels so that names sort by the labels' time, in UTC."""
    return f"{LABELS_PREFIX}{_stamp(given)}-{name}.jsonl"


def write_labels(s3: S3Client, bucket: str, labels: Sequence[LabelledPost], now: datetime) -> bool:
    """Store labels for retraining and live quality; return whether they were new.

    Labels that all have a time are named by it and their content, so repeats overwrite themselves.
    Labels without a time are given now. If they repeat within `RETRY_WINDOW` without others in
    between, which they might contradict, they are a retry and not written.
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
    """Return the key of the newest object named by a time from `since` until `until`.

    Objects with a later time override labels given now, so they do not affect a retry.
    """
    # Other names begin with a letter, and sort behind.
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
