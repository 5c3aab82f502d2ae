"""S3: addresses of objects, listing, reading, and conditional writes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectTypeDef

ABSENT = frozenset({"404", "NoSuchKey", "NoSuchVersion"})
"""Error codes for a missing object."""
OVERTAKEN = frozenset({"ConditionalRequestConflict", "NoSuchKey", "PreconditionFailed"})
"""Error codes for an object that differs from a conditional call's expectation."""


class Location(NamedTuple):
    """A bucket and a key, or a prefix that ends in a slash."""

    bucket: str
    key: str

    @staticmethod
    def parse(uri: str) -> Location:
        """Read ``s3://bucket/key``.

        Raises
        ------
        ValueError
            When the address has a different form.
        """
        bucket, separator, key = uri.removeprefix("s3://").partition("/")
        if not uri.startswith("s3://") or not bucket or not separator:
            raise ValueError(f"{uri!r} must have the form s3://bucket/key")
        return Location(bucket, key)

    def __truediv__(self, name: str) -> Location:
        return Location(self.bucket, f"{self.key.rstrip('/')}/{name}")

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


def read(s3: S3Client, place: Location) -> bytes:
    """Read a whole object."""
    return s3.get_object(Bucket=place.bucket, Key=place.key)["Body"].read()


def read_if_there(s3: S3Client, place: Location) -> bytes | None:
    """Read a whole object; return None if it does not exist.

    Raises
    ------
    botocore.exceptions.ClientError
        When S3 refuses. Without the permission to list, it also refuses a missing object.
    """
    try:
        return read(s3, place)
    except ClientError as error:
        if error_code(error) not in ABSENT:
            raise
        return None


def listed(
    s3: S3Client, bucket: str, prefix: str, start_after: str | None = None
) -> Iterator[ObjectTypeDef]:
    """List the objects under a prefix, in the order of their keys."""
    later: dict[str, Any] = {} if start_after is None else {"StartAfter": start_after}
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, **later)
    for page in pages:
        yield from page.get("Contents", [])


def exists(s3: S3Client, prefix: Location) -> bool:
    """Return whether any key has this prefix; it needs the permission to list, not to read."""
    found = s3.list_objects_v2(Bucket=prefix.bucket, Prefix=prefix.key, MaxKeys=1)
    return found["KeyCount"] > 0


def put_if_absent(s3: S3Client, place: Location, body: bytes, **settings: Any) -> bool:
    """Write an object; return False if one exists already.

    Parameters
    ----------
    settings
        Of ``put_object``, such as ``ContentType``.
    """
    try:
        s3.put_object(Bucket=place.bucket, Key=place.key, Body=body, IfNoneMatch="*", **settings)
    except ClientError as error:
        if error_code(error) != "PreconditionFailed":
            raise
        return False
    return True


def put_if_unchanged(
    s3: S3Client, place: Location, body: bytes | BinaryIO, etag: str | None, **settings: Any
) -> bool:
    """Write an object; return False if it no longer has this ETag.

    Parameters
    ----------
    etag : str or None
        None if no object existed.
    settings
        Of ``put_object``, such as ``ContentType``.
    """
    condition: dict[str, Any] = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}
    try:
        s3.put_object(Bucket=place.bucket, Key=place.key, Body=body, **condition, **settings)
    except ClientError as error:
        if error_code(error) not in OVERTAKEN:
            raise
        return False
    return True


def error_code(error: ClientError) -> str:
    """Return AWS's error code; an empty text without one."""
    return error.response.get("Error", {}).get("Code", "")
