"""A post's optional fields: parsed leniently; None for unreadable values.

They never invalidate a post: the contract drops an unreadable field, and counts it.
"""

from __future__ import annotations

from datetime import UTC, datetime

MAXIMUM_NAME_LENGTH = 256
"""Maximum length of `post_id` and `source`; Kinesis' limit for a partition key."""
MAXIMUM_MOMENT_LENGTH = 64
"""Maximum length of `created_at`; with nanoseconds and an offset it has 35 characters."""

_EARLIEST = 1e8
"""Smallest plausible epoch in seconds, above numbers such as 20260101.

Milliseconds begin where the year 5138 ends, and so on.
"""
_UNITS = ((1e11, 1.0), (1e14, 1e3), (1e17, 1e6), (1e20, 1e9))
"""Upper limits for each epoch unit: seconds, milli-, micro- or nanoseconds."""
_DIGITS = 9
"""ISO 8601 dates begin with fewer digits, and every epoch since 1973 has as many."""
_LARGEST_NAME = 1e18
"""Larger floats are whole numbers only for lack of digits."""
_FLAGS = {"true": True, "1": True, "false": False, "0": False}


def read_timestamp(value: object) -> str | None:
    """Return an ISO 8601 date unchanged, and an epoch (a number or its digits) as a UTC date."""
    if isinstance(value, str):
        if not value[:_DIGITS].isdigit() or len(value) < _DIGITS:
            return _iso(value)
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return _from_epoch(value)


def read_source(value: object) -> str | None:
    """Return a community's name; a whole number is a valid name."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        if not abs(value) < _LARGEST_NAME or value != int(value):
            return None
        value = str(int(value))
    if not isinstance(value, str) or not 0 < len(value) <= MAXIMUM_NAME_LENGTH:
        return None
    return value if is_encodable(value) and not value.isspace() else None


def read_flag(value: object) -> bool | None:
    """Return true or false, given as JSON, a word, or 1 or 0."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return bool(value) if value in (0, 1) else None
    return _FLAGS.get(value.strip().lower()) if isinstance(value, str) else None


def is_encodable(value: str) -> bool:
    """Return whether a text is Unicode: JSON can escape half a surrogate pair, which is invalid."""
    if value.isascii():
        return True
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _iso(value: str) -> str | None:
    # Python allows any character between date and time, and any number of decimals.
    if len(value) > MAXIMUM_MOMENT_LENGTH or not value.isascii():
        return None
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return None
    return value


def _from_epoch(number: float) -> str | None:
    if not number >= _EARLIEST:
        return None
    for limit, per_second in _UNITS:
        if number < limit:
            return datetime.fromtimestamp(number / per_second, UTC).isoformat()
    return None
