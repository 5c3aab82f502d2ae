"""Remove a person's records from an object's bytes, without AWS."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cli.forget.formats import file_without, record_without
from cli.forget.people import Ids
from stresswatch.storage.failed_batches import FailedBatch
from stresswatch.storage.quarantine import QuarantinedRecord


@dataclass(frozen=True)
class Remainder:
    """An object's content without the records of a person.

    Attributes
    ----------
    body : bytes or None
        The remaining bytes; None where the object exists only for the removed records.
    removed : Counter of str
        Number of removed records by post id.
    unreadable : int
        Remaining records with an unknown owner.
    """

    body: bytes | None
    removed: Counter[str] = field(default_factory=Counter)
    unreadable: int = 0


Forget = Callable[[bytes, Ids], Remainder]
"""Take the content of an object and the ids; return the remaining content."""


def posts_file(body: bytes, ids: Ids) -> Remainder:
    """Remove records from a file of posts; the others stay unchanged, byte for byte."""
    left = file_without(body, ids)
    return Remainder(left.content or b"", left.removed, left.unattributed)


def quarantined_record(body: bytes, ids: Ids) -> Remainder:
    """Remove an object from the quarantine, or a person's part of its payload."""
    try:
        entry = QuarantinedRecord.decode(json.loads(body))
        left = record_without(entry.payload, ids, entry.sequence_number)
    except (ValueError, TypeError, KeyError):
        return Remainder(body, unreadable=1)
    if not left.removed:
        return Remainder(body, unreadable=left.unattributed)
    if left.content is None:
        return Remainder(None, left.removed)
    kept = entry.with_payload(left.content).encode()
    return Remainder(kept, left.removed, left.unattributed)


def failed_batch(body: bytes, ids: Ids) -> Remainder:
    """Remove records from a batch that the event source mapping discarded."""
    try:
        batch = FailedBatch.decode(json.loads(body))
        lefts = [
            record_without(
                b64decode(record["kinesis"]["data"]), ids, record["kinesis"]["sequenceNumber"]
            )
            for record in batch.records
        ]
    except (ValueError, TypeError, KeyError):
        return Remainder(body, unreadable=1)
    removed: Counter[str] = sum((left.removed for left in lefts), Counter())
    unreadable = sum(left.unattributed for left in lefts)
    if not removed:
        return Remainder(body, removed, unreadable)
    kept = [
        _with_data(record, left.content) if left.removed else record
        for record, left in zip(batch.records, lefts, strict=True)
        if left.content is not None
    ]
    if not kept:
        return Remainder(None, removed)
    return Remainder(batch.with_records(kept).encode(), removed, unreadable)


def _with_data(record: dict[str, Any], data: bytes) -> dict[str, Any]:
    return record | {"kinesis": record["kinesis"] | {"data": b64encode(data).decode()}}
