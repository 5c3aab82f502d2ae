"""What the values of a row mean: one set of rules for CSV, JSON Lines and Parquet.

The rules are on the page "Preparing data". What is left after them, the contract judges.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from stresswatch.optional_fields import read_timestamp
from stresswatch.posts import LABEL_NAMES, NUMERIC_FEATURES, InvalidPost

MISSING_WORDS = frozenset({"nan", "null", "none", "na", "n/a", "#n/a", "<na>", "nat", "\\n"})
"""How programs write that a value is missing; in a text, they are text."""
_NUMBERS = frozenset({*NUMERIC_FEATURES, "confidence"})
_NAMES = ("post_id", "source")
_WHOLE = re.compile(r"[+-]?\d+\.0+")
_SCIENTIFIC = re.compile(r"\d\.\d+E\+\d+")
"""As Excel shows a long number, and a post's id such as ``860e03``, which is lost by that."""
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+")
_LABEL_WORDS = {"0": 0, "1": 1, "false": 0, "true": 1, **LABEL_NAMES}
_WRITTEN_LABEL = re.compile(r"([01])\.0*")
LABELS_UNDERSTOOD = "0 or 1, true or false, " + " or ".join(
    repr(next(name for name, value in LABEL_NAMES.items() if value == label)) for label in (1, 0)
)


def record_of(
    fields: Mapping[str, object], *, is_written: bool, has_decimal_commas: bool = False
) -> dict[str, Any]:
    """Return the values of a row as the contract has them, without what is missing.

    Parameters
    ----------
    is_written : bool
        Whether every value is a string, as in a CSV, so that a number is one that is written out.

    Raises
    ------
    InvalidPost
        When a value cannot be meant.
    """
    record: dict[str, Any] = {}
    for field, value in fields.items():
        if isinstance(value, bytes):
            value = _decoded(field, value)
        if is_missing(field, value):
            continue
        if isinstance(value, Decimal):
            value = _of_decimal(value)
        if field in _NUMBERS and is_written:
            value = _number(field, str(value), has_decimal_commas=has_decimal_commas)
        elif field in _NAMES:
            value = _name(value)
        elif field == "label":
            value = label_of(value)
        elif field in ("created_at", "labelled_at"):
            value = _timestamp(field, value)
        record[field] = value
    return record


def is_missing(field: str, value: object) -> bool:
    """Tell whether a value is missing: null, NaN, or outside of texts blank or a word for it."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return True
    if isinstance(value, Decimal):
        return value.is_nan()
    if not isinstance(value, str) or field == "text":
        return False
    stripped = value.strip()
    return not stripped or (len(stripped) <= 4 and stripped.lower() in MISSING_WORDS)


def label_of(value: object) -> int:
    """Return 0 or 1.

    Raises
    ------
    InvalidPost
        When it is no label; the detail lists what is understood.
    """
    if isinstance(value, int | float) and value in (0, 1):
        return int(value)
    if isinstance(value, str):
        words = " ".join(re.split(r"[\s_-]+", value.strip().casefold()))
        words = _WRITTEN_LABEL.sub(r"\1", words)
        if words in _LABEL_WORDS:
            return _LABEL_WORDS[words]
    raise InvalidPost("label_invalid", f"label must be {LABELS_UNDERSTOOD}")


def is_rounded_id(value: object) -> bool:
    """Tell whether an id is a number as Excel shows long ones; the id that it was is lost."""
    return isinstance(value, str) and _SCIENTIFIC.fullmatch(value.strip()) is not None


def _of_decimal(value: Decimal) -> int | float:
    is_whole = value.is_finite() and value == value.to_integral_value()
    return int(value) if is_whole else float(value)


def _decoded(field: str, value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise InvalidPost("not_utf8", f"{field} must be UTF-8") from None


def _number(field: str, written: str, *, has_decimal_commas: bool) -> float:
    number = written.strip()
    has_comma = _DECIMAL_COMMA.fullmatch(number) is not None
    if has_comma and has_decimal_commas:
        number = number.replace(",", ".")
    elif has_comma:
        raise InvalidPost(
            "number_invalid",
            f"{field} must be a number with a decimal point, and has a decimal comma",
        )
    try:
        if "_" not in number:  # which Python reads
            return float(number)
    except ValueError:
        pass
    raise InvalidPost("number_invalid", f"{field} must be a number")


def _name(value: object) -> object:
    """Return a whole number of any type as a name, without ``.0``."""
    if isinstance(value, bool):
        return value
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return str(int(value)) if math.isfinite(value) and value == int(value) else value
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return value.partition(".")[0]
    return value


def _timestamp(field: str, value: object) -> object:
    if isinstance(value, date):  # or a datetime, which is one
        return value.isoformat()
    if isinstance(value, str):
        value = value.strip()
    if field == "created_at":
        return value  # the contract reads it, or drops it
    found = read_timestamp(value)
    if found is None:
        raise InvalidPost(
            "labelled_at_invalid",
            "labelled_at must be an ISO 8601 date, or seconds or milliseconds since 1970",
        )
    return found
