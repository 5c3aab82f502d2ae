"""The newest label of each post, read from all lines at once, as a check on the table."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from stresswatch.contracts.identity import text_digest
from stresswatch.monitoring.live_quality import Labels
from tests.training_sets import assembled


def newest_labels(lines: Iterable[bytes], key: bytes, now: datetime | None = None) -> Labels:
    """Read labels of all time, as JSON lines; keyed digests tell texts apart."""
    known = assembled([], lines, now)
    labels = {(one.post.post_id, text_digest(key, one.post.text)): one.label for one in known.new}
    return Labels(labels, known.invalid)
