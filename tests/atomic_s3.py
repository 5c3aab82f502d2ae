"""moto's S3, with one request at a time.

S3's reads see an object before or after a write. moto closes a replaced object's content, and a
read in another thread then fails with "I/O operation on closed file".
"""

from __future__ import annotations

import threading
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from moto.core.botocore_stubber import BotocoreStubber

_one_at_a_time = threading.RLock()
_answer = BotocoreStubber.__call__


def install() -> None:
    """Answer requests to S3 one at a time, in this process."""
    BotocoreStubber.__call__ = _alone  # type: ignore[method-assign]


def _alone(
    stubber: BotocoreStubber, event_name: str, request: AWSPreparedRequest, **context: Any
) -> AWSResponse | None:
    if not event_name.startswith("before-send.s3."):
        return _answer(stubber, event_name, request, **context)
    with _one_at_a_time:
        return _answer(stubber, event_name, request, **context)
