"""A client that puts posts on the posts stream: in batches, patiently, and losing none unseen.

Whoever puts a post gets a future of what becomes of it. One thread sends what waits, a request at a
time and in the order in which it was put, so posts of different requests keep their order, those of
one partition key too. Within a request Kinesis may refuse one record and take the next: then the
refused one comes later, and only here can two posts of one key change places.

Delivery is at least once: an answer that is lost on its way looks like a failure, and what is put
again then is a post of its own to the predictor, with a prediction of its own.
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
    """Puts posts on a stream, from any thread of the process that made it.

    Records go out when a request is full, when the oldest has waited `linger_seconds`, or when
    somebody waits for them or for room. Leaving the ``with`` block sends what is left; so does the
    end of the program. A request that fails as a whole is not sent again here: boto3's client does
    that, as its setting ``retries`` says.

    Parameters
    ----------
    kinesis
        boto3's client.
    stream
        The stream's name.
    linger_seconds
        How long a record may wait for others; ``math.inf`` for as long as it takes.
    maximum_waiting_bytes
        How much may wait or be on its way before `put` blocks.
    attempts
        How often a record is sent that the stream refuses, after waits as in `put_records`.
    on_request
        Is told of each answered request, in the sending thread. An error of its own ends the
        producer, and fails what waits.

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
        """How many of the records that were put somebody waits for."""
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
        """Put a record as it is, and wait for room if there is none.

        Parameters
        ----------
        timeout
            Seconds to wait for room: 0 to refuse at once, None for as long as it takes. In a
            callback of a future, which the sending thread calls, it is always 0.

        Returns
        -------
        Future of Position
            Where the stream put it, or `NotTaken`. One that is cancelled in time is not sent.

        Raises
        ------
        InvalidRecord
            When it is larger than `MAXIMUM_RECORD_BYTES`, or its key is no partition key.
        ProducerFull
            When no room came free in time; the record was not put.
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
        """Send what was put before this call, and wait until all of it is taken or has failed.

        Raises
        ------
        TimeoutError
            When that is not done in time; it goes on being sent.
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
        """Send what is left, wait for it, and take nothing more; again, it does nothing.

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
            # Whoever waits hears of it, whatever it is.
            self._break(batch, error)

    def _next_batch(self) -> list[Waiting]:
        """Wait until something is to be sent; nothing at the end."""
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
        """Return for how long nothing is to be sent; None for until something changes."""
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
        """End in an error: nothing more is taken, and what waits has failed."""
        left = [waiting for waiting in batch if not waiting.future.done()]
        with self._has_work:
            self._is_closed, self._broken_by = True, error
            left += self._take(all_of_it=True)
        self._fail(left, f"the producer ended: {cause_of(error)}", error)
