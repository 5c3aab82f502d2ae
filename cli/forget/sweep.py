"""Remove a person's records from every object of a prefix, several at a time.

An object is replaced in one request and never deleted first, so concurrent readers see the old or
the new object. The replacement is conditional (S3's `If-Match`), so concurrent changes are not
lost.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from cli.errors import OperatorError
from cli.forget.people import Ids
from cli.forget.removal import Forget
from cli.parallel import in_parallel
from stresswatch.aws.s3 import ABSENT, OVERTAKEN, error_code

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef, ObjectVersionTypeDef

_ATTEMPTS = 5
_MARGIN = timedelta(minutes=15)
"""S3 dates an object by the start of its upload, which may be before a listing without it."""


@dataclass(frozen=True)
class Place:
    """A prefix of a bucket with people's records, and how to remove some."""

    name: str
    bucket: str
    prefix: str
    forget: Forget


@dataclass(frozen=True)
class SweptObject:
    """Records found in the versions of one object, and removed unless it was a dry run.

    Attributes
    ----------
    records : Counter of str
        Records by post id in the current version.
    old_versions : int
        Older versions, or versions of a deleted object, with any records.
    found : frozenset of str
        The post ids in any version.
    unreadable : int
        Remaining records with an unknown owner.
    """

    place: Place
    key: str
    records: Counter[str] = field(default_factory=Counter)
    old_versions: int = 0
    found: Ids = frozenset()
    unreadable: int = 0


Note = Callable[[SweptObject], None]
"""Called for each searched object, from several threads."""


@dataclass(frozen=True)
class Sweep:
    """One person's ids, and whether to remove or only count the records."""

    s3: S3Client
    ids: Ids
    execute: bool

    def until_clean(self, places: Sequence[Place], note: Note) -> datetime:
        """Sweep every place, then everything written in between, until no more records are found.

        Returns
        -------
        datetime
            Start of the last sweep by S3's clock: everything from before was searched.

        Raises
        ------
        OperatorError
            When records of the person keep arriving.
        """
        since = None
        for _ in range(_ATTEMPTS):
            began, found = self._now(places[0]), 0
            for place in places:
                found += self._place(place, since, note)
            if not self.execute or (since and not found):
                return began
            since = began - _MARGIN
        raise OperatorError(
            f"More records were written during each of {_ATTEMPTS} sweeps; "
            "stop the producer of these posts, and run this again."
        )

    def _now(self, place: Place) -> datetime:
        answer = self.s3.list_object_versions(Bucket=place.bucket, MaxKeys=1)
        return parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])

    def _place(self, place: Place, since: datetime | None, note: Note) -> int:
        """Return the number of objects with records."""

        def look_at(versions: list[ObjectVersionTypeDef]) -> bool:
            swept = self._object(place, versions)
            # Records of unknown owners stay; the first sweep counted them.
            note(replace(swept, unreadable=0) if since else swept)
            return bool(swept.found)

        return sum(in_parallel(look_at, self._objects(place, place.prefix, since)))

    def _objects(
        self, place: Place, prefix: str, since: datetime | None
    ) -> Iterator[list[ObjectVersionTypeDef]]:
        """List objects, each with its versions, the newest first."""
        pages = self.s3.get_paginator("list_object_versions")
        versions = itertools.chain.from_iterable(
            page.get("Versions", []) for page in pages.paginate(Bucket=place.bucket, Prefix=prefix)
        )
        for _, group in itertools.groupby(versions, key=lambda version: version["Key"]):
            of_object = list(group)
            if since is None or of_object[0]["LastModified"] >= since:
                yield of_object

    def _object(self, place: Place, versions: list[ObjectVersionTypeDef]) -> SweptObject:
        key = versions[0]["Key"]
        for _ in range(_ATTEMPTS):
            try:
                return self._versions(place, key, versions)
            except ClientError as error:
                if error.operation_name != "PutObject" or error_code(error) not in OVERTAKEN:
                    raise
            # The object was written or deleted since it was read.
            listed = self._objects(place, key, None)
            versions = next((group for group in listed if group[0]["Key"] == key), [])
        raise OperatorError(
            f"s3://{place.bucket}/{key} keeps changing; run this again when it is stable."
        )

    def _versions(
        self, place: Place, key: str, versions: list[ObjectVersionTypeDef]
    ) -> SweptObject:
        records: Counter[str] = Counter()
        found: set[str] = set()
        old_versions = unreadable = 0
        for version in versions:
            removed, left = self._version(place, version)
            found |= set(removed)
            unreadable += left
            if version["IsLatest"]:
                records += removed
            else:
                old_versions += bool(removed)
        return SweptObject(place, key, records, old_versions, frozenset(found), unreadable)

    def _version(self, place: Place, version: ObjectVersionTypeDef) -> tuple[Counter[str], int]:
        """Return the records found in a version, and the number with an unknown owner."""
        try:
            answer = self.s3.get_object(
                Bucket=place.bucket, Key=version["Key"], VersionId=version["VersionId"]
            )
        except ClientError as error:
            if error_code(error) in ABSENT:
                return Counter(), 0
            raise
        remainder = place.forget(answer["Body"].read(), self.ids)
        if remainder.removed and self.execute:
            written = None
            if version["IsLatest"] and remainder.body is not None:
                written = self._replace(place, version["Key"], answer, remainder.body)
            if written != version["VersionId"]:
                self.s3.delete_object(
                    Bucket=place.bucket, Key=version["Key"], VersionId=version["VersionId"]
                )
        return remainder.removed, remainder.unreadable

    def _replace(self, place: Place, key: str, read: GetObjectOutputTypeDef, body: bytes) -> str:
        """Write the remaining content of an object; return the new version."""
        described = {
            name: value
            for name, value in read.items()
            if name in ("ContentType", "ContentEncoding", "Metadata")
        }
        written = self.s3.put_object(
            Bucket=place.bucket,
            Key=key,
            Body=body,
            IfMatch=read["ETag"],
            **described,  # type: ignore[arg-type]
        )
        # Without versioning there is one version of this name, which a write replaces.
        return written.get("VersionId", "null")
