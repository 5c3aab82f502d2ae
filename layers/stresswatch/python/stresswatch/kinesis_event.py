"""The envelope in which an event source mapping brings records of a stream to a function.

What is in the records is the producers' business, and any bytes are expected there. The envelope is
AWS's own: another one means that something else invokes the function, and nothing of it is used.

References
----------
https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html
"""

from __future__ import annotations

import re
from binascii import a2b_base64
from collections.abc import Callable
from typing import Any, TypeVar

from stresswatch.predictions import Record

T = TypeVar("T")

# A consumer of its own, which a mapping with enhanced fan-out reads, ends the stream's ARN.
_STREAM = re.compile(
    r"arn:aws[\w-]*:kinesis:[\w-]+:\d{12}:stream/([\w.-]{1,128})(/consumer/[\w.-]{1,128}:\d{1,20})?",
    re.ASCII,
)
_PLACE = re.compile(r"(shardId-\d{12}):(\d{1,129})", re.ASCII)
_END_OF_TIME = 253_402_300_800
"""The year 10,000, in seconds since the epoch."""


class InvalidEvent(ValueError):
    """An event that no event source mapping of a Kinesis stream sends; no value is quoted."""

    def __init__(self, what: str):
        super().__init__(
            f"{what}; this function is to be invoked by the mapping of a Kinesis stream alone"
        )


def read_event(event: Any) -> list[Record]:
    """Read the records of an event; there may be none.

    Raises
    ------
    InvalidEvent
        When something of the envelope is missing or is not as AWS sends it.
    """
    items = event.get("Records") if isinstance(event, dict) else None
    if not isinstance(items, list):
        raise InvalidEvent("the event has no list of Records")
    return [_record(place, item) for place, item in enumerate(items)]


def _record(place: int, item: Any) -> Record:
    def read(reader: Callable[[Any], T], within: Any, name: str) -> T:
        try:
            return reader(within[name])
        except (LookupError, TypeError, ValueError):
            # Without its cause, whose message may quote what is in the field.
            raise InvalidEvent(f"record {place} of the event has no valid {name}") from None

    kinesis = read(_mapping, item, "kinesis")
    shard, sequence_number = read(_place, item, "eventID")
    if kinesis.get("sequenceNumber") != sequence_number:
        raise InvalidEvent(f"record {place} of the event has not the sequenceNumber of its eventID")
    return Record(
        data=read(_payload, kinesis, "data"),
        stream=read(_stream, item, "eventSourceARN"),
        shard=shard,
        sequence_number=sequence_number,
        arrival=read(_arrival, kinesis, "approximateArrivalTimestamp"),
    )


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError
    return value


def _place(value: Any) -> tuple[str, str]:
    match = _PLACE.fullmatch(value)
    if not match:
        raise ValueError
    return match[1], match[2]


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
