"""What can go wrong while posts are put."""

from __future__ import annotations

from stresswatch.aws.redaction import cause
from stresswatch.errors import ProducerError


class NotTaken(ProducerError):
    """The stream did not take a record, or did not say that it had; the cause says why."""


class ProducerFull(ProducerError):
    """No room came free in time: the stream takes posts more slowly than they are put."""


class ProducerClosed(ProducerError):
    """The producer takes no more posts; its cause, if any, is the error that ended it."""


def why_not_taken(stream: str, attempts: int, error: Exception | None) -> str:
    """Return the message of `NotTaken`: of an error of the request, or of refusals without one."""
    if error is None:
        return (
            f"the stream {stream} refused the record {attempts} times; put posts more slowly, or "
            "give the stream more shards"
        )
    return f"PutRecords failed, whether or not it took the record: {cause(error)}"
