"""Interpret the values of a row: one set of rules for CSV, JSON Lines and Parquet.

The page "Preparing data" has the rules. The contract validates the result.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from stresswatch.contracts.optional_fields import read_timestamp
from stresswatch.contracts.posts import NUMERIC_FEATURES, InvalidPost, read_number
from stresswatch.task.definition import TASK
from stresswatch.task.label_words import USUAL_PAIRS, folded, label_words

MISSING_WORDS = frozenset({"nan", "null", "none", "na", "n/a", "#n/a", "<na>", "nat", "\\n"})
"""Markers of missing values; within a text they are ordinary text."""
_NUMBERS = frozenset({*NUMERIC_FEATURES, "confidence"})
_NAMES = (TASK.fields.id, TASK.fields.source)
_WHOLE = re.compile(r"[+-]?\d+\.0+")
_EXPONENT = re.compile(r"[+-]?\d(?:\.\d+)?e\+\d\d")
"""A large float as Python writes it, and R also 100000; no program's ids look like this."""
_EXACT = 2**53
"""Beyond it, not every integer is a float."""
_SCIENTIFIC = re.compile(r"\d\.\d+E\+\d+")
"""A long number as Excel shows it; it also destroys ids such as ``860e03``."""
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")
_POINTS_OF_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(?:\.\d{3})+(?:,\d+)?")
_WHOLE_WITH_COMMA = re.compile(r"[+-]?\d+,0+")
_EPOCH_WITH_COMMA = re.compile(r"\d{9,},\d+")
_LABEL_WORDS = label_words(TASK.label.positive, TASK.label.negative)
LABELS_UNDERSTOOD = ", ".join(
    [
        *(" or ".join(pair) for pair in USUAL_PAIRS if {*pair} <= _LABEL_WORDS.keys()),
        f"{TASK.label.name(1)!r} or {TASK.label.name(0)!r}",
    ]
)


class Notation(NamedTuple):
    """How a CSV writes its values.

    Attributes
    ----------
    delimiter : str
        The separator of fields.
    has_decimal_commas : bool
        Whether numbers have decimal commas, so that points separate thousands.
    """

    delimiter: str
    has_decimal_commas: bool = False

    @property
    def allows_decimal_commas(self) -> bool:
        """Return whether a comma in a number cannot separate two fields."""
        return self.delimiter != ","


def record_of(fields: Mapping[str, object], *, notation: Notation | None = None) -> dict[str, Any]:
    """Return the values of a row in the contract's form, without missing ones.

    Parameters
    ----------
    notation : Notation or None
        Of a CSV, where every value is a string; None in other formats.

    Raises
    ------
    InvalidPost
        When a value is invalid.
    """
    record: dict[str, Any] = {}
    for field, value in fields.items():
        if isinstance(value, bytes):
            value = _decoded(field, value)
        if field == "label" and isinstance(value, list):
            value = _only_label(value)
        if is_missing(field, value):
            continue
        if isinstance(value, Decimal):
            value = _of_decimal(value)
        if notation and notation.allows_decimal_commas and isinstance(value, str):
            value = with_point(field, value)
        if field in _NUMBERS and notation:
            value = _number(field, str(value), notation)
        elif field in _NAMES:
            value = name_of(value)
        elif field == "label":
            value = label_of(value)
        elif field in (TASK.fields.created_at, "labelled_at"):
            value = _timestamp(field, value)
        elif field == "answer":
            _require_accepted(value)
            continue
        record[field] = value
    return record


def is_missing(field: str, value: object) -> bool:
    """Return whether a value is missing: null, NaN, or outside texts a blank or a marker."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return True
    if isinstance(value, Decimal):
        return value.is_nan()
    if not isinstance(value, str) or field == TASK.fields.text:
        return False
    stripped = value.strip()
    return not stripped or (len(stripped) <= 4 and stripped.lower() in MISSING_WORDS)


def label_of(value: object) -> int:
    """Return 0 or 1.

    Raises
    ------
    InvalidPost
        When it is not a label; the detail lists the valid values.
    """
    word = label_word(value)
    if word not in _LABEL_WORDS:
        raise InvalidPost("label_invalid", f"label must be {LABELS_UNDERSTOOD}")
    return _LABEL_WORDS[word]


def label_in_files(label: int) -> int | str:
    """Return a label as files have it: a class name where the task gives 0 and 1 other meanings."""
    return label if _LABEL_WORDS.get(str(label)) == label else TASK.label.name(label)


def label_word(value: object) -> str:
    """Return the folded word for a label of any type; an empty one for other types."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return folded(str(value)) if isinstance(value, str | int | float) else ""


def _only_label(labels: list[object]) -> object:
    """Return the label of a list of labels, as doccano writes them; None where it is empty."""
    if len(labels) > 1:
        raise InvalidPost(
            "label_invalid", f"label is a list of {len(labels)}, and a post has only one label"
        )
    return labels[0] if labels else None


def _require_accepted(answer: object) -> None:
    """Reject a label that the annotator did not accept, as Prodigy writes it."""
    if isinstance(answer, str) and answer.strip().casefold() in ("reject", "ignore"):
        raise InvalidPost(
            "label_not_accepted",
            "answer is reject or ignore, so the label is not the annotator's; "
            "leave out such rows: jq -c 'select(.answer == \"accept\")'",
        )


def is_rounded_id(value: object) -> bool:
    """Return whether an id is a rounded number from Excel, or a float with too many digits.

    The original id is lost.
    """
    if isinstance(value, str):
        if _SCIENTIFIC.fullmatch(value.strip()):
            return True
        if not (_EXPONENT.fullmatch(value) or _WHOLE.fullmatch(value)):
            return False
        return abs(Decimal(value)) > _EXACT
    return isinstance(value, float) and math.isfinite(value) and abs(value) > _EXACT


def with_point(field: str, written: str) -> str:
    """Return a float in a field that is not a number, such as an id, with a decimal point."""
    is_epoch = field in (TASK.fields.created_at, "labelled_at")
    pattern = _EPOCH_WITH_COMMA if is_epoch else _WHOLE_WITH_COMMA
    if (is_epoch or field in (TASK.fields.id, "label")) and pattern.fullmatch(written.strip()):
        return written.strip().replace(",", ".")
    return written


def _of_decimal(value: Decimal) -> int | float:
    is_whole = value.is_finite() and value == value.to_integral_value()
    return int(value) if is_whole else float(value)


def _decoded(field: str, value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise InvalidPost("not_utf8", f"{field} must be UTF-8") from None


def number_of(field: str, value: object, notation: Notation | None) -> float:
    """Return the value of a numeric feature; see `record_of`.

    Raises
    ------
    InvalidPost
        When it is not a finite number.
    """
    if isinstance(value, Decimal):
        value = _of_decimal(value)
    if notation:
        value = _number(field, str(value), notation)
    return read_number({field: value}, field)


def _number(field: str, written: str, notation: Notation) -> float:
    number = written.strip()
    if notation.has_decimal_commas and _POINTS_OF_THOUSANDS.fullmatch(number):
        number = number.replace(".", "")
    if _DECIMAL_COMMA.fullmatch(number):
        if not notation.allows_decimal_commas:
            raise InvalidPost(
                "number_invalid",
                f"{field} must be a number with a decimal point, and has a decimal comma",
            )
        if notation.delimiter != ";" and _THOUSANDS.fullmatch(number):
            raise InvalidPost(
                "number_invalid",
                f"{field} must be a number, and its comma could be a decimal one or of thousands",
            )
        number = number.replace(",", ".")
    try:
        if "_" not in number:  # Python reads these
            return float(number)
    except ValueError:
        pass
    raise InvalidPost("number_invalid", f"{field} must be a number")


def name_of(value: object) -> object:
    """Return a number of any type as a name: an integer without ``.0``, others as in CSV."""
    if isinstance(value, str):
        if _WHOLE.fullmatch(value):
            return value.partition(".")[0]
        number = float(value) if _EXPONENT.fullmatch(value) else math.nan
        return str(int(number)) if number.is_integer() else value
    if isinstance(value, bool):
        return value
    if isinstance(value, Decimal):
        value = _of_decimal(value)
    if isinstance(value, UUID | int):
        return str(value)
    if isinstance(value, float) and math.isfinite(value):
        return str(int(value) if value.is_integer() else value)
    return value


def _timestamp(field: str, value: object) -> object:
    if isinstance(value, date):  # or a datetime, which is a date too
        return value.isoformat()
    if isinstance(value, str):
        value = value.strip()
    if field == TASK.fields.created_at:
        return value  # the contract parses it, or drops it
    found = read_timestamp(value)
    if found is None:
        raise InvalidPost(
            "labelled_at_invalid",
            "labelled_at must be an ISO 8601 date, or seconds or milliseconds since 1970",
        )
    return found
