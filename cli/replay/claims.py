"""Held objects in S3: find them, claim them before sending, and settle them afterwards.

A claim is a field in the object, written only if the object is unchanged (S3's `If-Match`): of two
operators, one gets it. When the predictor rejects a record again, it rewrites the object in
quarantine without the claim. The conditional deletion that follows then finds another object, and
leaves it.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from cli.errors import UnreadableObject
from cli.parallel import in_parallel
from cli.replay.held_objects import (
    FAILED_BATCHES,
    QUARANTINE,
    HeldObject,
    Place,
    Selection,
)
from stresswatch.aws.s3 import ABSENT, OVERTAKEN, error_code, listed

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LEASE = timedelta(minutes=10)
"""Lifetime of a claim: other runs may replay the object of a killed command after it."""


@dataclass(frozen=True)
class Settlement:
    """The result for the records of an object.

    Attributes
    ----------
    done : int
        Number of records that are finished.
    rejected : Counter of str
        Records that the predictor rejected again, by its new reason.
    """

    done: int
    rejected: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class HeldObjects:
    """The held objects of the quarantine bucket, for one run of the command (the claimant)."""

    s3: S3Client
    bucket: str
    stream_arn: str
    now: Callable[[], datetime]
    claimant: str = field(default_factory=lambda: uuid.uuid4().hex)

    def find(self, selection: Selection) -> Iterator[HeldObject | UnreadableObject]:
        """Yield candidates in the order of days, shards and sequence numbers."""
        for place in (QUARANTINE, FAILED_BATCHES):
            for found in in_parallel(lambda it: self._read(*it), self._list(place, selection)):
                if found is not None:
                    yield found

    def claim(self, held_object: HeldObject) -> HeldObject | None:
        """Claim an object; None where another run has claimed it, or it is gone."""
        if held_object.claimed_at and self.now() - held_object.claimed_at < LEASE:
            return None
        claim = {"by": self.claimant, "at": self.now().isoformat()}
        etag = self._replace(held_object, held_object.as_object(claim))
        return replace(held_object, etag=etag) if etag else None

    def settle(self, held_object: HeldObject, done: frozenset[str]) -> Settlement:
        """Remove finished records from a claimed object, and release the rest."""
        left = held_object.without(done)
        if left.records:
            self._replace(left, left.as_object())
            return Settlement(len(held_object.records) - len(left.records))
        try:
            self.s3.delete_object(Bucket=self.bucket, Key=held_object.key, IfMatch=held_object.etag)
        except ClientError as error:
            if error_code(error) not in OVERTAKEN:
                raise
            found = self._read(held_object.place, held_object.key)
            if isinstance(found, HeldObject) and not found.claimed_at:
                return Settlement(0, Counter([found.reason]))
        return Settlement(len(held_object.records))

    def _list(self, place: Place, selection: Selection) -> Iterator[tuple[Place, str]]:
        for found in listed(self.s3, self.bucket, place.prefix):
            if selection.may_hold(place, found["Key"]):
                yield place, found["Key"]

    def _read(self, place: Place, key: str) -> HeldObject | UnreadableObject | None:
        """Read an object; None if it was deleted since the listing."""
        try:
            answer = self.s3.get_object(Bucket=self.bucket, Key=key)
        except ClientError as error:
            if error_code(error) not in ABSENT:
                raise
            return None
        try:
            return HeldObject.read(
                place, key, answer["ETag"], answer["Body"].read(), self.stream_arn
            )
        except UnreadableObject as error:
            return error

    def _replace(self, held_object: HeldObject, body: bytes) -> str | None:
        """Write an object if it is unchanged; return its new ETag."""
        try:
            return self.s3.put_object(
                Bucket=self.bucket,
                Key=held_object.key,
                Body=body,
                ContentType="application/json",
                IfMatch=held_object.etag,
            )["ETag"]
        except ClientError as error:
            if error_code(error) not in OVERTAKEN:
                raise
            return None
