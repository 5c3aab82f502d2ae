"""A client that puts posts on the posts stream: in batches, with retries, and without silent loss.

Each put returns a future for its result. One thread sends the queue in order, one request at a
time, so posts in different requests keep their order. Within a request, Kinesis may refuse one
record and accept the next: only then can two posts with one key change order.

Delivery is at least once: a lost answer looks like a failure, and the client then sends the post
again. The predictor treats it as another post, with its own prediction.
"""

from __future__ import annotations

import atexit
import math
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from stresswatch.aws.redaction import cause as cause_of
from stresswatch.producer.backlog import Backlog, Waiting
from stresswatch.producer.errors import NotTaken, ProducerClosed, ProducerFull, why_not_taken
from stresswatch.producer.metrics import Metrics, Request
from stresswatch.producer.records import post_to_record, require_record
from stresswatch.streaming.put_records import (
    Position,
    StreamRecord,
    put_persistently,
)

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient


class Producer:
    """Puts posts on a stream, from any thread of its process.

    Records are sent when a request is full, the oldest record has waited `linger_seconds`, or a
    caller waits for results or space. Leaving the ``with`` block, or exiting the program, sends the
    rest. The client leaves retries of a whole failed request to boto3's setting ``retries``.

    Parameters
    ----------
    kinesis
        boto3's client.
    stream
        The stream's name.
    linger_seconds
        How long a record may wait for others; ``math.inf`` for no limit.
    maximum_waiting_bytes
        Maximum bytes that may be queued or in flight before `put` blocks.
    attempts
        How often a refused record is sent, with the delays of `put_records`.
    on_request
        Called with each answered request, in the sending thread. An error in it ends the
        producer, and fails waiting records.

    Example
    -------
    >>> import boto3
    >>> from stresswatch.producer import Producer
    >>> with Producer(boto3.client("kinesis"), "posts") as producer:
    ...     future = producer.put({"post_id": "p1", "text": "I cannot sleep."})
    >>> future.result().shard
    'shardId-000000000000'
    >>> producer.metrics().taken
    1
    """

    def __init__(
        self,
        kinesis: KinesisClient,
        stream: str,
        *,
        linger_seconds: float = 0.1,
        maximum_waiting_bytes: int = 16 * 1024 * 1024,
        attempts: int = 8,
        on_request: Callable[[Request], None] = lambda _: None,
        sleep: Callable[[float], None] = time.sleep,
    ):
        if not linger_seconds >= 0:
            raise ValueError(f"linger_seconds is {linger_seconds}; it must not be negative")
        if maximum_waiting_bytes < 1 or attempts < 1:
            raise ValueError("maximum_waiting_bytes and attempts must be at least 1")
        self._kinesis = kinesis
        self._stream = stream
        self._linger_seconds = linger_seconds
        self._maximum_waiting_bytes = maximum_waiting_bytes
        self._attempts = attempts
        self._on_request = on_request
        self._sleep = sleep

        lock = threading.Lock()
        self._has_work = threading.Condition(lock)
        self._has_settled = threading.Condition(lock)
        self._backlog = Backlog(time.monotonic)
        self._wanted = 0
        """Number of put records whose results a caller waits for."""
        self._is_closed = False
        self._broken_by: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=f"producer-{stream}", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def __enter__(self) -> Producer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def put(self, post: Mapping[str, Any], timeout: float | None = None) -> Future[Position]:
        """Put a post of the contract; see `put_record`.

        Raises
        ------
        InvalidPost
            When the predictor would put it into quarantine.
        """
        return self.put_record(post_to_record(post), timeout)

    def put_record(self, record: StreamRecord, timeout: float | None = None) -> Future[Position]:
        """Put a record unchanged, and wait for space if the queue is full.

        Parameters
        ----------
            Seconds to wait for space: 0 to refuse at once, None for no limit. In a future's
            callback, which the sending thread calls, it is always 0.
            callback of a future, which the sending thread calls, it is always 0.

        Returns
        -------
        Future of Position
            The record's stream position, or `NotTaken`. Cancel it early to keep the record from
            being sent.

        Raises
        ------
        InvalidRecord
            When the record exceeds `MAXIMUM_RECORD_BYTES`, or its key is not a valid partition
            key.
        ProducerFull
            When the timeout passed without space; the record was not put.
        ProducerClosed
            When the producer was closed, or ended by an error.
        """
        require_record(record)
        with self._has_work:
            self._wait_for_room(record.size, timeout)
            if self._is_closed:
                raise ProducerClosed("the producer is closed") from self._broken_by
            future = self._backlog.add(record)
            if len(self._backlog) == 1 or self._backlog.fills_a_request:
                self._has_work.notify()
        return future

    def flush(self, timeout: float | None = None) -> None:
        """Send all records put before this call, and wait until each is accepted or has failed.

        Raises
        ------
        TimeoutError
            When the timeout has passed; sending continues.
        ProducerClosed
            When an error ended the producer.
        """
        if threading.current_thread() is self._thread:
            raise RuntimeError("a callback of a future cannot flush: it would wait for itself")
        with self._has_work:
            goal = self._backlog.put
            self._want(goal)
            if not self._has_settled.wait_for(lambda: self._backlog.settled >= goal, timeout):
                raise TimeoutError(f"{goal - self._backlog.settled:,} records still wait")
            self._raise_if_broken()

    def close(self) -> None:
        """Send the rest, wait for it, and close; a second call does nothing.

        Raises
        ------
        ProducerClosed
            When an error ended the producer.
        """
        with self._has_work:
            self._is_closed = True
            self._has_work.notify()
            self._has_settled.notify_all()
        if threading.current_thread() is not self._thread:
            self._thread.join()
            atexit.unregister(self.close)
            self._raise_if_broken()

    def metrics(self) -> Metrics:
        with self._has_work:
            return self._backlog.metrics()

    def _wait_for_room(self, size: int, timeout: float | None) -> None:
        def has_room() -> bool:
            return self._is_closed or self._backlog.has_room(size, self._maximum_waiting_bytes)

        if has_room():
            return
        self._want(self._backlog.put)
        if threading.current_thread() is self._thread:
            timeout = 0
        if not self._has_settled.wait_for(has_room, timeout):
            raise ProducerFull(
                f"{self._backlog.waiting_bytes:,} bytes wait for the stream {self._stream}; "
                "put posts more slowly, or give the stream more shards"
            )

    def _raise_if_broken(self) -> None:
        if self._broken_by:
            raise ProducerClosed("an error ended the producer") from self._broken_by

    def _want(self, count: int) -> None:
        self._wanted = max(self._wanted, count)
        self._has_work.notify()

    def _run(self) -> None:
        batch: list[Waiting] = []
        try:
            while batch := self._next_batch():
                self._send(batch)
        except BaseException as error:
            # All waiting callers receive the error, of any type.
            self._break(batch, error)

    def _next_batch(self) -> list[Waiting]:
        """Wait until there is something to send; return nothing at the end."""
        batch: list[Waiting] = []
        with self._has_work:
            while not batch:
                while (seconds := self._seconds_to_wait()) != 0:
                    self._has_work.wait(seconds)
                if not self._backlog:
                    break
                batch = self._take()
        return batch

    def _seconds_to_wait(self) -> float | None:
        """Return the time until the next request is due; None to wait for a change."""
        if self._is_closed:
            return 0
        if not self._backlog:
            return None
        if self._backlog.fills_a_request or self._wanted > self._backlog.settled:
            return 0
        left = self._backlog.oldest + self._linger_seconds - time.monotonic()
        return None if math.isinf(left) else max(0, left)

    def _take(self, *, all_of_it: bool = False) -> list[Waiting]:
        cancelled = self._backlog.cancelled
        batch = self._backlog.take_all() if all_of_it else self._backlog.take_request()
        if self._backlog.cancelled > cancelled:
            self._has_settled.notify_all()
        return batch

    def _send(self, batch: list[Waiting]) -> None:
        records = [waiting.record for waiting in batch]
        left = set(range(len(batch)))
        cause: Exception | None = None
        try:
            for taken, refused in put_persistently(
                self._kinesis, self._stream, records, attempts=self._attempts, sleep=self._sleep
            ):
                for place, position in taken:
                    batch[place].future.set_result(position)
                left.difference_update(place for place, _ in taken)
                self._note([batch[place] for place, _ in taken], len(refused))
        except (BotoCoreError, ClientError) as error:
            cause = error
        if left:
            why = why_not_taken(self._stream, self._attempts, cause)
            self._fail([batch[place] for place in sorted(left)], why, cause)

    def _note(self, taken: list[Waiting], refused: int) -> None:
        with self._has_work:
            request = self._backlog.note(taken, refused)
            self._has_settled.notify_all()
        self._on_request(request)

    def _fail(self, failed: list[Waiting], why: str, cause: BaseException | None) -> None:
        for waiting in failed:
            error = NotTaken(why)
            error.__cause__ = cause
            waiting.future.set_exception(error)
        with self._has_work:
            self._backlog.note_failed(failed)
            self._has_settled.notify_all()

    def _break(self, batch: list[Waiting], error: BaseException) -> None:
        """End in an error: reject new records, and fail waiting ones."""
        left = [waiting for waiting in batch if not waiting.future.done()]
        with self._has_work:
            self._is_closed, self._broken_by = True, error
            left += self._take(all_of_it=True)
        self._fail(left, f"the producer ended: {cause_of(error)}", error)
