"""Held objects: quarantined records and failed batches, which lack predictions.

Decisions about content only, without AWS.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

from cli.errors import UnreadableObject
from stresswatch.contracts.posts import InvalidPost, parse_post
from stresswatch.storage import failed_batches, quarantine
from stresswatch.storage.failed_batches import FailedBatch
from stresswatch.storage.quarantine import QuarantinedRecord

EventRecord = dict[str, Any]
"""A record as in an event of the event source mapping."""
CLAIM = "replay"
"""Field of an object with the run that replays it, and the start time."""
_MOST_RECORDS = 500
_MOST_CHARACTERS = 4_000_000
"""Limits of one invocation; Lambda's own is 6 MB."""


class Place(NamedTuple):
    """Prefixes of such objects."""

    name: str
    prefix: str


QUARANTINE = Place("quarantine", quarantine.PREFIX)
FAILED_BATCHES = Place("failed batches", failed_batches.PREFIX)


@dataclass(frozen=True)
class HeldObject:
    """One object: a quarantined record, or a batch that the mapping discarded.

    Attributes
    ----------
    etag : str
        ETag of the object when it was read, for S3's `If-Match`.
    content : dict
        The object's JSON, without a claim.
    reason : str
        Why the record is in quarantine, or why the batch was discarded.
    arrived_at : datetime
        Arrival time of the record, or of the first one of the batch.
    records : tuple of dict
        The records with their original stream positions, all of one shard.
    claimed_at : datetime or None
        Start of its last replay.
    """

    place: Place
    key: str
    etag: str
    content: dict[str, Any]
    reason: str
    arrived_at: datetime
    records: tuple[EventRecord, ...]
    claimed_at: datetime | None = None

    @staticmethod
    def read(place: Place, key: str, etag: str, body: bytes, stream_arn: str) -> HeldObject:
        """Read an object, given the posts stream's ARN.

        Raises
        ------
        UnreadableObject
            When its content does not fit its prefix.
        """
        try:
            content = json.loads(body)
            claim = content.pop(CLAIM, None)
            claimed_at = datetime.fromisoformat(claim["at"]) if claim else None
            records: tuple[EventRecord, ...]
            if place is QUARANTINE:
                entry = QuarantinedRecord.decode(content)
                reason, records = entry.reason, (entry.event_record(stream_arn),)
            else:
                batch = FailedBatch.decode(content)
                reason, records = batch.condition, batch.records
            arrivals = [record["kinesis"]["approximateArrivalTimestamp"] for record in records]
            arrived_at = datetime.fromtimestamp(min(arrivals), UTC)
            if not all(map(_is_complete, records)):
                raise UnreadableObject(key)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise UnreadableObject(key) from error
        return HeldObject(place, key, etag, content, reason, arrived_at, records, claimed_at)

    @property
    def shard(self) -> str:
        return str(self.records[0]["eventID"]).partition(":")[0]

    @property
    def size(self) -> int:
        return sum(len(record["kinesis"]["data"]) for record in self.records)

    def as_object(self, claim: dict[str, str] | None = None) -> bytes:
        """Return the object's bytes, with or without a claim."""
        return json.dumps(self.content | ({CLAIM: claim} if claim else {})).encode()

    def without(self, done: frozenset[str]) -> HeldObject:
        """Remove records, given by their sequence numbers."""
        left = tuple(record for record in self.records if sequence_number(record) not in done)
        content = self.content
        if self.place is FAILED_BATCHES:
            content = FailedBatch.decode(content).with_records(left).content
        return replace(self, content=content, records=left)

    def valid_records(self) -> int:
        """Count the records that are valid in this version of the contract."""
        return sum(map(_is_post, self.records))


@dataclass(frozen=True)
class Selection:
    """Select objects by reason and arrival time.

    Attributes
    ----------
    reasons : frozenset of str
        Reasons to select; empty for all.
    """

    reasons: frozenset[str] = frozenset()
    since: datetime | None = None
    until: datetime | None = None

    def __contains__(self, held_object: HeldObject) -> bool:
        return (
            (not self.reasons or held_object.reason in self.reasons)
            and (self.since is None or held_object.arrived_at >= self.since)
            and (self.until is None or held_object.arrived_at < self.until)
        )

    def may_hold(self, place: Place, key: str) -> bool:
        """Return whether an object may match, by the day in its key."""
        if place is not QUARANTINE:
            return True
        day = key.removeprefix(place.prefix).partition("/")[0]
        return not (
            (self.since and day < quarantine.day(self.since))
            or (self.until and day > quarantine.day(self.until))
        )


def invocations(found: Iterable[HeldObject]) -> Iterator[list[HeldObject]]:
    """Group objects for one invocation: records of one shard, as in a mapping.

    A failed batch forms its own group.
    """
    waiting: list[HeldObject] = []
    size = 0
    for held_object in found:
        if waiting and (
            FAILED_BATCHES in (held_object.place, waiting[0].place)
            or held_object.shard != waiting[0].shard
            or len(waiting) == _MOST_RECORDS
            or size + held_object.size > _MOST_CHARACTERS
        ):
            yield waiting
            waiting, size = [], 0
        waiting.append(held_object)
        size += held_object.size
    if waiting:
        yield waiting


def sequence_number(record: EventRecord) -> str:
    return str(record["kinesis"]["sequenceNumber"])


def _is_complete(record: EventRecord) -> bool:
    return {"eventID", "eventSourceARN"} <= record.keys() and {
        "sequenceNumber",
        "data",
    } <= record["kinesis"].keys()


def _is_post(record: EventRecord) -> bool:
    try:
        parse_post(b64decode(record["kinesis"]["data"]), default_post_id=sequence_number(record))
    except InvalidPost:
        return False
    return True
