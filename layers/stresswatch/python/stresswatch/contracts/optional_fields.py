"""A post's optional fields: read as what they obviously are; None for what cannot be read.

None of them costs a post: the contract drops a field that cannot be read, and counts it.
"""

from __future__ import annotations

from datetime import UTC, datetime

MAXIMUM_NAME_LENGTH = 256
"""Characters of `post_id` and `source`; Kinesis' limit for a partition key."""
MAXIMUM_MOMENT_LENGTH = 64
"""Characters of `created_at`; with nanoseconds and an offset it has 35."""

_EARLIEST = 1e8
"""Seconds since the epoch; a smaller number, such as 20260101, is no time that posts were written
at. Milliseconds begin where the year 5138 ends, and so on."""
_UNITS = ((1e11, 1.0), (1e14, 1e3), (1e17, 1e6), (1e20, 1e9))
"""Below which number an epoch is in which unit: seconds, milli-, micro- or nanoseconds."""
_DIGITS = 9
"""As many digits begin no ISO 8601 date, and every epoch since 1973."""
_LARGEST_NAME = 1e18
"""A larger float is whole by its lack of digits alone."""
_FLAGS = {"true": True, "1": True, "false": False, "0": False}


def read_timestamp(value: object) -> str | None:
    """Return an ISO 8601 date as it is, and an epoch (a number or its digits) as one in UTC."""
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
    """Return the name of a community; a whole number is a name as well."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        if not abs(value) < _LARGEST_NAME or value != int(value):
            return None
        value = str(int(value))
    if not isinstance(value, str) or not 0 < len(value) <= MAXIMUM_NAME_LENGTH:
        return None
    return value if is_encodable(value) and not value.isspace() else None


def read_flag(value: object) -> bool | None:
    """Return true or false, written as JSON's, as a word or as 1 or 0."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return bool(value) if value in (0, 1) else None
    return _FLAGS.get(value.strip().lower()) if isinstance(value, str) else None


def is_encodable(value: str) -> bool:
    """Tell whether a text is Unicode: JSON can escape half a surrogate pair, which is none."""
    if value.isascii():
        return True
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _iso(value: str) -> str | None:
    # Python takes any character between date and time, and any number of decimals.
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
