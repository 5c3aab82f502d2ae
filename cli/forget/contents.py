"""What of an object is left without a person's records: decisions about bytes, without AWS."""

from __future__ import annotations

import gzip
import json
import zlib
from base64 import b64decode
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Ids = frozenset[str]


@dataclass(frozen=True)
class Remainder:
    """An object's content without the records of a person.

    Attributes
    ----------
    body : bytes or None
        What is left; None where the object is there for the removed records alone.
    removed : Counter of str
        How many records of each post id were taken out.
    unreadable : int
        Records that are left although nobody can tell whose they are.
    """

    body: bytes | None
    removed: Counter[str] = field(default_factory=Counter)
    unreadable: int = 0


Forget = Callable[[bytes, Ids], Remainder]
"""Takes the content of an object and the ids; gives what is left."""


def json_lines(body: bytes, ids: Ids) -> Remainder:
    """Take lines out of JSON Lines, gzipped or not; the others stay as they are, byte for byte."""
    is_gzipped = body.startswith(b"\x1f\x8b")
    try:
        lines = (gzip.decompress(body) if is_gzipped else body).splitlines(keepends=True)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        return Remainder(body, unreadable=1)
    owners = [_owner(line, None, ids) if line.strip() else None for line in lines]
    kept = b"".join(line for line, owner in zip(lines, owners, strict=True) if owner not in ids)
    return Remainder(
        gzip.compress(kept, compresslevel=1, mtime=0) if is_gzipped else kept,
        Counter(owner for owner in owners if owner in ids),
        owners.count(_UNKNOWN),
    )


def quarantined_record(body: bytes, ids: Ids) -> Remainder:
    """Take the one record out of an object of the quarantine, or leave it."""
    try:
        entry = json.loads(body)
        data, sequence_number = b64decode(entry["payload_base64"]), entry["sequence_number"]
    except (ValueError, TypeError, KeyError):
        return Remainder(body, unreadable=1)
    owner = _owner(data, sequence_number, ids)
    if owner in ids:
        return Remainder(None, Counter([owner]))
    return Remainder(body, unreadable=int(owner == _UNKNOWN))


def failed_batch(body: bytes, ids: Ids) -> Remainder:
    """Take records out of a batch that the event source mapping gave up.

    The invocation record says of itself how many records its batch has; where the batch began and
    ended in the stream stays what it was.
    """
    try:
        invocation = json.loads(body)
        event = json.loads(invocation["payload"])
        owners = [_owner_in_event(record, ids) for record in event["Records"]]
        batch = invocation["KinesisBatchInfo"]
    except (ValueError, TypeError, KeyError):
        return Remainder(body, unreadable=1)
    removed = Counter(owner for owner in owners if owner in ids)
    if not removed:
        return Remainder(body, removed, owners.count(_UNKNOWN))
    event["Records"] = [
        record for record, owner in zip(event["Records"], owners, strict=True) if owner not in ids
    ]
    if not event["Records"]:
        return Remainder(None, removed)
    batch["batchSize"] = len(event["Records"])
    invocation["payload"] = json.dumps(event)
    return Remainder(json.dumps(invocation).encode(), removed, owners.count(_UNKNOWN))


_UNKNOWN = "\0"
"""The owner of what cannot be read and names none of the ids; no id holds this character."""


def _owner_in_event(record: dict[str, Any], ids: Ids) -> str | None:
    kinesis = record["kinesis"]
    return _owner(b64decode(kinesis["data"]), kinesis["sequenceNumber"], ids)


def _owner(data: bytes, default_post_id: str | None, ids: Ids) -> str | None:
    """Give the post id of a record, as the predictor would name it; None where it has none.

    A record that is no JSON is taken for one of a person whose id it holds in quotes.
    """
    try:
        record = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        return next((post_id for post_id in sorted(ids) if _names(data, post_id)), _UNKNOWN)
    if not isinstance(record, dict):
        return None
    post_id = record.get("post_id")
    return default_post_id if post_id is None else str(post_id)


def _names(data: bytes, post_id: str) -> bool:
    forms = (json.dumps(post_id), json.dumps(post_id, ensure_ascii=False))
    return any(form.encode() in data for form in forms)
