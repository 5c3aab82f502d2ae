"""Addresses of objects in S3, and what is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


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
