"""Changed Kinesis events, as no event source mapping would send."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

from local.event_source_mapping.batching import ShardRecord
from local.event_source_mapping.invocation import Source, kinesis_event
from verification.faults.posts import MARKER

Place = tuple[dict[str, Any] | list[Any], Any]
"""A container, and a key or index of it."""

_ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 10**400, 1e300, float("nan"), float("inf"), "", " ", "x", MARKER,
    "1", "-1", "9" * 200, "\N{PILE OF POO}", "\ud800", "\x00", "a" * 100_000, f"{MARKER}:1",
    f"shardId-000000000000:{MARKER}", f"../{MARKER}", [], [[]], [MARKER], {}, {"data": MARKER},
)  # fmt: skip
_OTHERS_EVENTS: tuple[Any, ...] = (
    None, 1, "", MARKER, [], [MARKER], {}, {"Records": None}, {"Records": {}}, {"Records": MARKER},
    {"Records": []}, {"Records": [None]}, {"Records": [MARKER]}, {"records": []},
    {"Records": [{"eventSource": "aws:sqs", "messageId": "1", "body": MARKER,
                  "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:posts"}]},
    {"Records": [{"EventSource": "aws:sns", "Sns": {"Message": MARKER}}]},
    {"Records": [{"eventSource": "aws:s3", "s3": {"object": {"key": MARKER}}}]},
    {"Records": [{"eventSource": "aws:dynamodb", "eventID": "1",
                  "dynamodb": {"SequenceNumber": "1", "NewImage": {"text": {"S": MARKER}}}}]},
    {"records": {"topic-0": [{"topic": "topic", "value": MARKER}]}},
    {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {"text": MARKER}},
    {"httpMethod": "POST", "body": MARKER, "headers": {}},
    {"invocationId": "1", "records": [{"recordId": "1", "data": MARKER}]},
)  # fmt: skip


def draw(chance: random.Random, payloads: list[bytes], source: Source) -> Any:
    """Draw an event: sometimes another service's, mostly one with a few changes."""
    if chance.random() < 0.05:
        return copy.deepcopy(chance.choice(_OTHERS_EVENTS))
    records = [
        ShardRecord(str(place), "key", chance.choice(payloads), 1_800_000_000.5)
        for place in range(chance.randint(1, 3))
    ]
    event = json.loads(json.dumps(kinesis_event(records, source)))
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        places = list(_places(event))
        if places:
            chance.choice(_CHANGES)(chance, places)
    return event


def _places(value: Any) -> Iterator[Place]:
    """Return every position of a value in an event."""
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _places(value[key])


def _put_something_odd(chance: random.Random, places: list[Place]) -> None:
    container, key = chance.choice(places)
    container[key] = copy.deepcopy(chance.choice(_ODD_VALUES))


def _take_away(chance: random.Random, places: list[Place]) -> None:
    container, key = chance.choice(places)
    del container[key]


def _swap(chance: random.Random, places: list[Place]) -> None:
    (container, key), (other, other_key) = chance.choice(places), chance.choice(places)
    ours, theirs = copy.deepcopy(container[key]), copy.deepcopy(other[other_key])
    container[key], other[other_key] = theirs, ours


def _wrap(chance: random.Random, places: list[Place]) -> None:
    container, key = chance.choice(places)
    wraps: tuple[Callable[[Any], Any], ...] = (lambda x: [x], lambda x: {"value": x}, str)
    container[key] = chance.choice(wraps)(container[key])


def _spoil_text(chance: random.Random, places: list[Place]) -> None:
    """Change one character of a text, for invalid base64 or another record's position."""
    texts = [(container, key) for container, key in places if isinstance(container[key], str)]
    if texts:
        container, key = chance.choice(texts)
        text = container[key]
        at = chance.randrange(len(text) + 1)
        sign = chance.choice(("", "=", "*", "\n", "0", "A", "/", ":", "\N{PILE OF POO}", "\ud800"))
        container[key] = text[:at] + sign + text[at + chance.randrange(2) :]


def _add(chance: random.Random, places: list[Place]) -> None:
    """Add valid parts that the predictor does not read."""
    objects = [container for container, _ in places if isinstance(container, dict)]
    chance.choice(objects)[chance.choice(("surplus", "Kinesis", "encryptionType"))] = MARKER


_CHANGES: tuple[Callable[[random.Random, list[Place]], None], ...] = (
    _put_something_odd, _take_away, _swap, _wrap, _spoil_text, _add,
)  # fmt: skip
