"""S3: addresses of objects, listing, reading, and writes that replace nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectTypeDef

ABSENT = frozenset({"404", "NoSuchKey", "NoSuchVersion"})
"""Codes of errors that say that there is no such object."""
OVERTAKEN = frozenset({"ConditionalRequestConflict", "NoSuchKey", "PreconditionFailed"})
"""Codes of errors that say that an object is another one than a conditional call expects."""


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
            When the address has another form.
        """
        bucket, separator, key = uri.removeprefix("s3://").partition("/")
        if not uri.startswith("s3://") or not bucket or not separator:
            raise ValueError(f"{uri!r} is no address of the form s3://bucket/key")
        return Location(bucket, key)

    def __truediv__(self, name: str) -> Location:
        return Location(self.bucket, f"{self.key.rstrip('/')}/{name}")

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


def read(s3: S3Client, place: Location) -> bytes:
    """Read an object whole."""
    return s3.get_object(Bucket=place.bucket, Key=place.key)["Body"].read()


def read_if_there(s3: S3Client, place: Location) -> bytes | None:
    """Read an object whole; return None where there is none.

    Raises
    ------
    botocore.exceptions.ClientError
        When S3 refuses, as it does of a missing object without the permission to list.
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
    """Return whether a key begins so; it needs the permission to list, and none to read."""
    found = s3.list_objects_v2(Bucket=prefix.bucket, Prefix=prefix.key, MaxKeys=1)
    return found["KeyCount"] > 0


def put_if_absent(s3: S3Client, place: Location, body: bytes, **settings: Any) -> bool:
    """Write an object, or return False where there is one already.

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
    """Write an object, or return False where it is another one than that of an ETag.

    Parameters
    ----------
    etag : str or None
        None where there was no object.
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
    """Return what a service of AWS names an error; nothing where it has no name."""
    return error.response.get("Error", {}).get("Code", "")
