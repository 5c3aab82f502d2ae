"""The post: the producers' format on the posts stream.

The task names its fields and numeric features.
"""

from __future__ import annotations

import json
import math
import string
from codecs import BOM_UTF8
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from stresswatch.contracts.optional_fields import MAXIMUM_MOMENT_LENGTH as MAXIMUM_MOMENT_LENGTH
from stresswatch.contracts.optional_fields import MAXIMUM_NAME_LENGTH as MAXIMUM_NAME_LENGTH
from stresswatch.contracts.optional_fields import (
    is_encodable,
    read_flag,
    read_source,
    read_timestamp,
)
from stresswatch.errors import InvalidInput
from stresswatch.task.definition import TASK
from stresswatch.text.normalisation import MAXIMUM_TEXT_LENGTH, canonical
from stresswatch.text.removal_notices import (
    FIRST_LETTERS,
    LONGEST_NOTICE,
    is_removal_notice,
    mentions_removal,
)

NUMERIC_FEATURES = TASK.feature_names
"""Names of the task's numeric features, in the order used everywhere."""
TEXT_REMOVED = "text_removed"
"""The reason for a record with a removed or deleted text: a complete record, but not a post."""
SMOKE_PREFIX = "stresswatch-smoke-"
"""Prefix of the `post_id` of smoke test posts, which drift leaves out."""

_ID, _TEXT, _SOURCE, _CREATED_AT = TASK.fields
_decode = json.JSONDecoder().decode
_decode_beginning = json.JSONDecoder().raw_decode
_BEGINS_WITH_A_WORD = frozenset(string.ascii_letters + string.digits)
_Read = TypeVar("_Read")


class InvalidPost(InvalidInput):
    """A malformed record; retrying cannot help.

    Attributes
    ----------
    reason : str
        A machine-readable word, such as ``text_too_long``.
    detail : str
        A sentence for the producer, which never quotes the record's values.
    """

    def __init__(self, reason: str, detail: str):
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class Post(NamedTuple):
    """A valid post.

    Attributes
    ----------
    numbers : tuple of float
        One value per feature in `NUMERIC_FEATURES`, in that order; NaN for missing values.
    source : str or None
        The post's community: for metric slices, never a feature.
    asks_reasons : bool
        Whether the producer requests an explanation of the prediction.
    dropped : tuple of str
        Optional fields of the record that could not be read.
    """

    post_id: str
    text: str
    numbers: tuple[float, ...]
    created_at: str | None = None
    source: str | None = None
    asks_reasons: bool = False
    dropped: tuple[str, ...] = ()


def parse_post(data: bytes, default_post_id: str | None = None) -> Post:
    """Read one record of the posts stream.

    Parameters
    ----------
    data : bytes
        A UTF-8 JSON object. Unknown fields are ignored. Unreadable optional fields are dropped:
        `created_at`, `source` and `reasons` never invalidate a post.
    default_post_id : str, optional
        The id for a record without one.

    Raises
    ------
    InvalidPost
        When the record breaks the contract.
    """
    return read_post(decode(data), default_post_id)


def read_post(record: object, default_post_id: str | None = None) -> Post:
    """Read a post from decoded JSON; see `parse_post`."""
    return _post(read_object(record), default_post_id)


def decode(data: bytes) -> object:
    """Decode JSON; ignore a byte order mark, which some editors put before it.

    Raises
    ------
    InvalidPost
        When it is not JSON.
    """
    try:
        text = data.removeprefix(BOM_UTF8).decode("utf-8")
        # Most records are an object without surrounding blanks, which a decoder searches for twice.
        value, end = _decode_beginning(text) if text.startswith("{") else (None, -1)
        return value if end == len(text) else _decode(text)
    except UnicodeDecodeError:
        raise InvalidPost("not_utf8", "the record must be UTF-8") from None
    except (ValueError, RecursionError):
        raise InvalidPost("not_json", "the record must be one JSON object") from None


def post_record(post: Post) -> dict[str, Any]:
    """Return the post as the JSON object that `parse_post` reads."""
    record: dict[str, Any] = {_ID: post.post_id, _TEXT: post.text}
    record |= {
        name: value
        for name, value in zip(NUMERIC_FEATURES, post.numbers, strict=True)
        if not math.isnan(value)
    }
    if post.created_at is not None:
        record[_CREATED_AT] = post.created_at
    if post.source is not None:
        record[_SOURCE] = post.source
    if post.asks_reasons:
        record["reasons"] = True
    return record


def read_object(record: object) -> dict[str, Any]:
    if not isinstance(record, dict):
        raise InvalidPost("not_an_object", "the record must be a JSON object")
    return record


def _post(record: dict[str, Any], default_post_id: str | None) -> Post:
    post_id = _post_id(record) or default_post_id
    if post_id is None:
        raise InvalidPost("post_id_missing", f"{_ID} must be a string")
    dropped: list[str] = []
    return Post(
        post_id,
        _text(record),
        tuple([read_number(record, name) for name in NUMERIC_FEATURES]),
        _optional(record, _CREATED_AT, read_timestamp, dropped),
        _optional(record, _SOURCE, read_source, dropped),
        _optional(record, "reasons", read_flag, dropped) or False,
        tuple(dropped),
    )


def _optional(
    record: dict[str, Any],
    field: str,
    read: Callable[[object], _Read | None],
    dropped: list[str],
) -> _Read | None:
    """Read an optional field, or note that it was dropped; an empty one counts as missing."""
    value = record.get(field)
    if value is None or value == "":
        return None
    found = read(value)
    if found is None:
        dropped.append(field)
    return found


def _text(record: dict[str, Any]) -> str:
    text = record.get(_TEXT)
    if text is None:
        raise InvalidPost("text_missing", f"{_TEXT} must be given")
    if not isinstance(text, str):
        raise InvalidPost("text_invalid", f"{_TEXT} must be a string")
    if len(text) > MAXIMUM_TEXT_LENGTH:
        raise InvalidPost(
            "text_too_long",
            f"{_TEXT} has {len(text):,} characters; at most {MAXIMUM_TEXT_LENGTH:,} are read",
        )
    if not text.strip():
        raise InvalidPost("text_empty", f"{_TEXT} must not be blank")
    if _may_lack_words(text):
        _require_words(text)
    return _encodable(_TEXT, text)


def _may_lack_words(text: str) -> bool:
    """Return whether a text needs a closer look: quick, and false for nearly all posts."""
    if text[0] in _BEGINS_WITH_A_WORD:  # not blank, and no notice except a sentence
        return text[0] in FIRST_LETTERS and len(text) <= LONGEST_NOTICE and mentions_removal(text)
    return not text.isascii() or "&" in text or mentions_removal(text)


def _require_words(text: str) -> None:
    plain = canonical(text)
    if not plain:
        raise InvalidPost("text_empty", f"{_TEXT} must not be blank")
    if is_removal_notice(plain):
        raise InvalidPost(TEXT_REMOVED, f"{_TEXT} is a notice that the post was removed or deleted")


def read_number(record: dict[str, Any], name: str) -> float:
    value = record.get(name)
    if type(value) is float and math.isfinite(value):  # the rule; what follows are exceptions
        return value
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidPost("number_invalid", f"{name} must be a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise InvalidPost("number_not_finite", f"{name} must be finite")
    return number


def _post_id(record: dict[str, Any]) -> str | None:
    value = record.get(_ID)
    if value is None:
        return None
    if not isinstance(value, str) or not 0 < len(value) <= MAXIMUM_NAME_LENGTH:
        raise InvalidPost(
            "post_id_invalid",
            f"{_ID} must be a string of 1 to {MAXIMUM_NAME_LENGTH} characters",
        )
    return _encodable(_ID, value)


def read_time_field(record: dict[str, Any], field: str) -> str | None:
    value = record.get(field)
    if value is None:
        return None
    found = read_timestamp(value) if isinstance(value, str) else None
    if found is None:
        raise InvalidPost(
            f"{field}_invalid",
            f"{field} must be an ISO 8601 date of at most {MAXIMUM_MOMENT_LENGTH} characters",
        )
    return found


def _encodable(field: str, value: str) -> str:
    if not is_encodable(value):
        raise InvalidPost("not_unicode", f"{field} has an unpaired surrogate")
    return value
