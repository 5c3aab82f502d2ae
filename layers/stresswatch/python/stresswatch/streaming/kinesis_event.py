"""An event source mapping's event with stream records.

Producers decide the records' content, which may be any bytes. AWS defines the rest of the event.
Any other form means that something else invokes the function; such an event is rejected as a whole.

References
----------
https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html
"""

from __future__ import annotations

import re
from binascii import a2b_base64
from functools import lru_cache
from typing import Any

from stresswatch.contracts.predictions import Record
from stresswatch.errors import InvalidInput

# A dedicated consumer, from a mapping with enhanced fan-out, ends the stream's ARN.
_STREAM = re.compile(
    r"arn:aws[\w-]*:kinesis:[\w-]+:\d{12}:stream/([\w.-]{1,128})(/consumer/[\w.-]{1,128}:\d{1,20})?",
    re.ASCII,
)
_PLACE = re.compile(r"(shardId-\d{12}):(\d{1,129})", re.ASCII)
_END_OF_TIME = 253_402_300_800
"""The year 10,000, in seconds since the epoch."""


class InvalidEvent(InvalidInput):
    """An event that does not come from a Kinesis event source mapping; no value is quoted."""

    def __init__(self, what: str):
        super().__init__(f"{what}; only a Kinesis event source mapping may invoke this function")


def read_event(event: Any) -> list[Record]:
    """Return the records of an event, possibly none.

    Raises
    ------
    InvalidEvent
        When a field is missing or differs from AWS's format.
    """
    items = event.get("Records") if isinstance(event, dict) else None
    if not isinstance(items, list):
        raise InvalidEvent("the event has no list of Records")
    return [_record(place, item) for place, item in enumerate(items)]


def _record(place: int, item: Any) -> Record:
    name = "kinesis"
    try:
        kinesis = _mapping(item[name])
        name = "eventID"
        shard, sequence_number = _place(item[name])
        name = "data"
        data = _payload(kinesis[name])
        name = "eventSourceARN"
        stream = _stream(item[name])
        name = "approximateArrivalTimestamp"
        arrival = _arrival(kinesis[name])
    except (LookupError, TypeError, ValueError):
        # Without the cause, whose message may quote the field's content.
        raise InvalidEvent(f"record {place} of the event has no valid {name}") from None
    if kinesis.get("sequenceNumber") != sequence_number:
        raise InvalidEvent(f"record {place} of the event lacks the sequenceNumber of its eventID")
    return Record(data, stream, shard, sequence_number, arrival)


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError
    return value


def _place(value: Any) -> tuple[str, str]:
    match = _PLACE.fullmatch(value)
    if not match:
        raise ValueError
    return match[1], match[2]


@lru_cache(maxsize=8)
def _stream(value: Any) -> str:
    match = _STREAM.fullmatch(value)
    if not match:
        raise ValueError
    return match[1]


def _payload(value: Any) -> bytes:
    return a2b_base64(value, strict_mode=True)


def _arrival(value: Any) -> float:
    if type(value) not in (int, float) or not 0 <= value < _END_OF_TIME:
        raise ValueError
    return float(value)
