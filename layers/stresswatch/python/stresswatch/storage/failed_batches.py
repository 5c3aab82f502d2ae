"""Batches that Lambda discarded, as it writes them to a failure destination in S3.

An object is Lambda's invocation record, which has the whole event as its ``payload``. Only this
module knows the format.

https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PREFIX = "aws/lambda/"
"""Prefix of Lambda's keys."""
_PAYLOAD = "payload"
_BATCH = "KinesisBatchInfo"
_SIZE = "batchSize"


def invocation_record(
    about: Mapping[str, Any], batch: Mapping[str, Any], event: Mapping[str, Any]
) -> dict[str, Any]:
    """Return an object's JSON: data about the invocation and the batch, and its event.

    The number of records is taken from the event.
    """
    return {
        **about,
        _BATCH: {**batch, _SIZE: len(event["Records"])},
        _PAYLOAD: json.dumps(event),
    }


@dataclass(frozen=True)
class FailedBatch:
    """One batch, as read.

    Attributes
    ----------
    content : dict
        The invocation record.
    records : tuple of dict
        The event's records, all from one shard.
    """

    content: dict[str, Any]
    records: tuple[dict[str, Any], ...]

    @staticmethod
    def decode(content: dict[str, Any]) -> FailedBatch:
        """Read an object's JSON; only the necessary fields are required.

        Raises
        ------
        ValueError, TypeError, KeyError
            When it is not an invocation record of a Kinesis mapping.
        """
        if not isinstance(content[_BATCH], dict):
            raise TypeError(f"{_BATCH} must be an object")
        return FailedBatch(content, tuple(json.loads(content[_PAYLOAD])["Records"]))

    @property
    def condition(self) -> str:
        """Why Lambda discarded the batch."""
        return str(self.content["requestContext"]["condition"])

    def with_records(self, records: Sequence[Mapping[str, Any]]) -> FailedBatch:
        """Return the batch with other records.

        The invocation record's number of records is updated; the batch's start and end in the
        stream stay unchanged.
        """
        event = json.loads(self.content[_PAYLOAD]) | {"Records": list(records)}
        return FailedBatch.decode(invocation_record(self.content, self.content[_BATCH], event))

    def encode(self) -> bytes:
        return json.dumps(self.content).encode()
