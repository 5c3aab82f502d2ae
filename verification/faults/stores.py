"""In-memory S3, SSM and predictions stream for the predictor, with boto3's interface."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, BinaryIO

from botocore.exceptions import ClientError

from verification.faults.outages import PATIENCE_SECONDS, InjectedOutages


class Buckets:
    """S3. `puts` has every object that was ever put, including overwritten ones."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], bytes] = {}
        self.puts: list[tuple[str, str, bytes]] = []

    def put_object(
        self,
        *,
        Bucket: str,  # noqa: N803 - boto3's names
        Key: str,  # noqa: N803
        Body: bytes | BinaryIO,  # noqa: N803
        IfMatch: str | None = None,  # noqa: N803
        IfNoneMatch: str | None = None,  # noqa: N803
        **_: Any,
    ) -> dict[str, Any]:
        body = Body if isinstance(Body, bytes) else Body.read()
        there = self.objects.get((Bucket, Key))
        is_other = IfMatch is not None and (there is None or _etag(there) != IfMatch)
        if is_other or (IfNoneMatch and there is not None):
            raise ClientError({"Error": {"Code": "PreconditionFailed"}}, "PutObject")
        self.objects[Bucket, Key] = body
        self.puts.append((Bucket, Key, body))
        return {}

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        if (Bucket, Key) not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        return {"Body": io.BytesIO(self.objects[Bucket, Key])}

    def get_paginator(self, _operation: str) -> Buckets:
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> Iterator[dict[str, Any]]:  # noqa: N803
        yield {
            "Contents": [
                {"Key": key, "ETag": _etag(self.objects[Bucket, key])}
                for key in self.keys(Bucket, Prefix)
            ]
        }

    def keys(self, bucket: str, prefix: str) -> list[str]:
        """List a prefix, in S3's order."""
        return sorted(key for of, key in self.objects if of == bucket and key.startswith(prefix))


def _etag(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


class ParameterNotFound(Exception):
    """No parameter has this name."""


class Parameters:
    """SSM: one parameter, or none."""

    exceptions = SimpleNamespace(ParameterNotFound=ParameterNotFound)

    def __init__(self, value: str | None):
        self.value = value

    def get_parameter(self, **_: Any) -> dict[str, Any]:
        if self.value is None:
            raise ParameterNotFound
        return {"Parameter": {"Value": self.value}}


class PredictionsStream:
    """The predictions stream, without consumers."""

    def __init__(self, outages: InjectedOutages):
        self._outages = outages
        self.messages: list[bytes] = []

    def put_records(self, *, StreamName: str, Records: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        refuses = self._outages.strikes("PutRecords partly refused")
        results: list[dict[str, Any]] = []
        for record in Records:
            if refuses and self._outages.chance.random() < 0.5:
                results.append({"ErrorCode": "ProvisionedThroughputExceededException"})
                continue
            self.messages.append(record["Data"])
            results.append({"ShardId": StreamName, "SequenceNumber": str(len(self.messages))})
        return {"Records": results}


class Faulty:
    """A client whose calls may fail by the outages."""

    def __init__(
        self,
        client: Any,
        outages: InjectedOutages,
        service: str,
        patience: float = PATIENCE_SECONDS,
    ):
        self._client = client
        self._outages = outages
        self._service = service
        self._patience = patience

    def __getattr__(self, operation: str) -> Any:
        call = getattr(self._client, operation)
        return lambda **request: self._outages.call(
            self._service, operation, lambda: call(**request), self._patience
        )
