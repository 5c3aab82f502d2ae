"""Errors of the producer."""

from __future__ import annotations

from stresswatch.aws.redaction import cause
from stresswatch.errors import ProducerError


class NotTaken(ProducerError):
    """The stream did not accept a record, or did not confirm it; the cause says why."""


class ProducerFull(ProducerError):
    """The timeout for space has passed: the stream accepts posts more slowly than they are put."""


class ProducerClosed(ProducerError):
    """The producer is closed; its cause, if any, is the error that ended it."""


def why_not_taken(stream: str, attempts: int, error: Exception | None) -> str:
    """Return the message of `NotTaken`: for a failed request, or for repeated refusals."""
    if error is None:
        return (
            f"the stream {stream} refused the record {attempts} times; put posts more slowly, or "
            "give the stream more shards"
        )
    return f"PutRecords failed, and the stream may have taken the record: {cause(error)}"
