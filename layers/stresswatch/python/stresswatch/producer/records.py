"""Posts as stream records."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from stresswatch.contracts.posts import MAXIMUM_NAME_LENGTH, InvalidPost, parse_post
from stresswatch.errors import InvalidInput
from stresswatch.streaming.put_records import MAXIMUM_RECORD_BYTES, StreamRecord

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class InvalidRecord(InvalidInput):
    """The stream cannot accept the record."""


def partition_key(data: bytes, post_id: str | None = None) -> str:
    """Return the post's id if it can be a partition key, else a digest of the record."""
    if post_id and len(post_id) <= MAXIMUM_NAME_LENGTH and post_id.isprintable():
        return post_id
    return hashlib.sha256(data).hexdigest()


def post_to_record(post: Mapping[str, Any]) -> StreamRecord:
    """Return a post of the contract as a record, with its id as the partition key.

    Raises
    ------
    InvalidPost
        When the predictor would put it into quarantine.
    """
    try:
        data = _encode(post).encode()
    except UnicodeEncodeError:
        raise InvalidPost("not_unicode", "the post has an unpaired surrogate") from None
    except (TypeError, ValueError, RecursionError):
        raise InvalidPost("not_json", "the post must be a mapping of JSON values") from None
    parsed = parse_post(data, default_post_id="")
    return StreamRecord(partition_key(data, parsed.post_id), data)


def require_record(record: StreamRecord) -> None:
    """Raise an error for a record that the stream cannot accept.

    Raises
    ------
    InvalidRecord
        When it is larger than `MAXIMUM_RECORD_BYTES`, or its key is no partition key.
    """
    key_length = len(record.partition_key)
    if record.size > MAXIMUM_RECORD_BYTES or not 0 < key_length <= MAXIMUM_NAME_LENGTH:
        raise InvalidRecord(
            f"the record has {record.size:,} bytes and a partition key of {key_length:,} "
            f"characters; a stream takes at most {MAXIMUM_RECORD_BYTES:,}, and keys of 1 to "
            f"{MAXIMUM_NAME_LENGTH}"
        )
