"""The batches that a mapping gave up, as Lambda puts them into a failure destination in S3.

An object is Lambda's invocation record, which holds the whole event as its ``payload``. This is the
one place that knows the form.

https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PREFIX = "aws/lambda/"
"""Begins the keys that Lambda chooses."""
_PAYLOAD = "payload"
_BATCH = "KinesisBatchInfo"
_SIZE = "batchSize"


def invocation_record(
    about: Mapping[str, Any], batch: Mapping[str, Any], event: Mapping[str, Any]
) -> dict[str, Any]:
    """Build the JSON of an object: what is said of the invocation and of the batch, and its event.

    The number of records is the event's.
    """
    return {
        **about,
        _BATCH: {**batch, _SIZE: len(event["Records"])},
        _PAYLOAD: json.dumps(event),
    }


@dataclass(frozen=True)
class FailedBatch:
    """One batch, as it was read.

    Attributes
    ----------
    content : dict
        The invocation record.
    records : tuple of dict
        The event's records, all of one shard.
    """

    content: dict[str, Any]
    records: tuple[dict[str, Any], ...]

    @staticmethod
    def decode(content: dict[str, Any]) -> FailedBatch:
        """Read an object's JSON; only what a batch must have is required.

        Raises
        ------
        ValueError, TypeError, KeyError
            When it is no invocation record of a Kinesis mapping.
        """
        if not isinstance(content[_BATCH], dict):
            raise TypeError(f"{_BATCH} must be an object")
        return FailedBatch(content, tuple(json.loads(content[_PAYLOAD])["Records"]))

    @property
    def condition(self) -> str:
        """Why the batch was given up."""
        return str(self.content["requestContext"]["condition"])

    def with_records(self, records: Sequence[Mapping[str, Any]]) -> FailedBatch:
        """Put other records in the place of the batch's.

        The invocation record says of itself how many records its batch has; where the batch began
        and ended in the stream stays what it was.
        """
        event = json.loads(self.content[_PAYLOAD]) | {"Records": list(records)}
        return FailedBatch.decode(invocation_record(self.content, self.content[_BATCH], event))

    def encode(self) -> bytes:
        return json.dumps(self.content).encode()
