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
import hashlib
import json
import math
import statistics
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from stresswatch.aws.redaction import cause as cause_of
from stresswatch.contracts.posts import MAXIMUM_NAME_LENGTH, InvalidPost, parse_post
from stresswatch.streaming.put_records import (
    MAXIMUM_BYTES,
    MAXIMUM_RECORD_BYTES,
    MAXIMUM_RECORDS,
    Position,
    StreamRecord,
    put_persistently,
)

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient

_REMEMBERED_LATENCIES = 1_000
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class InvalidRecord(ValueError):
    """The stream would never take the record."""


class NotTaken(Exception):
    """The stream did not take a record, or did not say that it had; the cause says why."""


class ProducerFull(Exception):
    """No room came free in time: the stream takes posts more slowly than they are put."""


class ProducerClosed(Exception):
    """The producer takes no more posts; its cause, if any, is the error that ended it."""


class Request(NamedTuple):
    """One answered request, as the hook `on_request` is told of it."""

    taken: int
    refused: int
    taken_bytes: int


@dataclass(frozen=True)
class Metrics:
    """What a producer has done so far.

    Attributes
    ----------
    put, taken, failed, cancelled, waiting : int
        Records: all that were put are in one of the four others.
    refused : int
        How often the stream refused a record, which was then sent again or failed.
    requests : int
        Requests that were answered.
    taken_bytes, waiting_bytes : int
        Data and partition keys.
    latency_median_seconds, latency_highest_seconds : float or None
        From put to taken, of the oldest record of each of the last 1,000 requests.
    """

    put: int
    taken: int
    failed: int
    cancelled: int
    waiting: int
    refused: int
    requests: int
    taken_bytes: int
    waiting_bytes: int
    latency_median_seconds: float | None
    latency_highest_seconds: float | None


class _Waiting(NamedTuple):
    record: StreamRecord
    future: Future[Position]
    since: float


def partition_key(data: bytes, post_id: str | None = None) -> str:
    """Give the post's id, where it can be a partition key, or else a digest of the record."""
    if post_id and len(post_id) <= MAXIMUM_NAME_LENGTH and post_id.isprintable():
        return post_id
    return hashlib.sha256(data).hexdigest()


def post_to_record(post: Mapping[str, Any]) -> StreamRecord:
    """Write a post of the contract as a record, its id as the partition key.

    Raises
    ------
    InvalidPost
        When the predictor would put it into quarantine.
    """
    try:
        data = _encode(post).encode()
    except UnicodeEncodeError:
        raise InvalidPost("not_unicode", "the post has an unpaired surrogate") from None
    except (TypeError, ValueError, RecursionError):
        raise InvalidPost("not_json", "the post must be a mapping of what JSON has") from None
    parsed = parse_post(data, default_post_id="")
    return StreamRecord(partition_key(data, parsed.post_id), data)


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
        self._queue: deque[_Waiting] = deque()
        self._queued_bytes = self._waiting_bytes = self._taken_bytes = 0
        self._put = self._taken = self._failed = self._cancelled = 0
        self._requests = self._refused = 0
        self._latencies: deque[float] = deque(maxlen=_REMEMBERED_LATENCIES)
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
        size = record.size
        key_length = len(record.partition_key)
        if size > MAXIMUM_RECORD_BYTES or not 0 < key_length <= MAXIMUM_NAME_LENGTH:
            raise InvalidRecord(
                f"the record has {size:,} bytes and a partition key of {key_length:,} characters; "
                f"a stream takes at most {MAXIMUM_RECORD_BYTES:,}, and keys of 1 to "
                f"{MAXIMUM_NAME_LENGTH}"
            )
        future: Future[Position] = Future()
        with self._has_work:
            self._wait_for_room(size, timeout)
            if self._is_closed:
                raise ProducerClosed("the producer is closed") from self._broken_by
            self._queue.append(_Waiting(record, future, time.monotonic()))
            self._put += 1
            self._queued_bytes += size
            self._waiting_bytes += size
            if len(self._queue) == 1 or self._fills_a_request():
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
            goal = self._put
            self._want(goal)
            if not self._has_settled.wait_for(lambda: self._settled >= goal, timeout):
                raise TimeoutError(f"{goal - self._settled:,} records still wait")
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
        """Tell what was done so far."""
        with self._has_work:
            latencies = list(self._latencies)
            return Metrics(
                put=self._put,
                taken=self._taken,
                failed=self._failed,
                cancelled=self._cancelled,
                waiting=self._put - self._settled,
                refused=self._refused,
                requests=self._requests,
                taken_bytes=self._taken_bytes,
                waiting_bytes=self._waiting_bytes,
                latency_median_seconds=statistics.median(latencies) if latencies else None,
                latency_highest_seconds=max(latencies, default=None),
            )

    @property
    def _settled(self) -> int:
        return self._taken + self._failed + self._cancelled

    def _raise_if_broken(self) -> None:
        if self._broken_by:
            raise ProducerClosed("an error ended the producer") from self._broken_by

    def _wait_for_room(self, size: int, timeout: float | None) -> None:
        def has_room() -> bool:
            fits = self._waiting_bytes + size <= self._maximum_waiting_bytes
            return self._is_closed or fits or not self._waiting_bytes

        if has_room():
            return
        self._want(self._put)
        if threading.current_thread() is self._thread:
            timeout = 0
        if not self._has_settled.wait_for(has_room, timeout):
            raise ProducerFull(
                f"{self._waiting_bytes:,} bytes wait for the stream {self._stream}; put posts more "
                "slowly, or give the stream more shards"
            )

    def _want(self, count: int) -> None:
        self._wanted = max(self._wanted, count)
        self._has_work.notify()

    def _fills_a_request(self) -> bool:
        return len(self._queue) >= MAXIMUM_RECORDS or self._queued_bytes >= MAXIMUM_BYTES

    def _run(self) -> None:
        batch: list[_Waiting] = []
        try:
            while batch := self._next_batch():
                self._send(batch)
        except BaseException as error:
            # Whoever waits hears of it, whatever it is.
            self._break(batch, error)

    def _next_batch(self) -> list[_Waiting]:
        """Wait until something is to be sent; nothing at the end."""
        batch: list[_Waiting] = []
        with self._has_work:
            while not batch:
                while (seconds := self._seconds_to_wait()) != 0:
                    self._has_work.wait(seconds)
                if not self._queue:
                    break
                batch = self._take()
        return batch

    def _seconds_to_wait(self) -> float | None:
        """Give for how long nothing is to be sent; None for until something changes."""
        if self._is_closed:
            return 0
        if not self._queue:
            return None
        if self._fills_a_request() or self._wanted > self._settled:
            return 0
        left = self._queue[0].since + self._linger_seconds - time.monotonic()
        return None if math.isinf(left) else max(0, left)

    def _take(self) -> list[_Waiting]:
        """Take what goes into one request, without what was cancelled."""
        batch: list[_Waiting] = []
        size = 0
        while self._queue and len(batch) < MAXIMUM_RECORDS:
            size += self._queue[0].record.size
            if batch and size > MAXIMUM_BYTES:
                break
            waiting = self._queue.popleft()
            self._queued_bytes -= waiting.record.size
            if self._begins(waiting):
                batch.append(waiting)
            else:
                size -= waiting.record.size
        return batch

    def _begins(self, waiting: _Waiting) -> bool:
        """Whether it is to be sent: from here on its future cannot be cancelled."""
        if waiting.future.set_running_or_notify_cancel():
            return True
        self._cancelled += 1
        self._waiting_bytes -= waiting.record.size
        self._has_settled.notify_all()
        return False

    def _send(self, batch: list[_Waiting]) -> None:
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
            self._fail([batch[place] for place in sorted(left)], self._why(cause), cause)

    def _why(self, cause: Exception | None) -> str:
        if cause is None:
            return (
                f"the stream {self._stream} refused the record {self._attempts} times; put posts "
                "more slowly, or give the stream more shards"
            )
        return f"PutRecords failed, whether or not it took the record: {cause_of(cause)}"

    def _note(self, taken: list[_Waiting], refused: int) -> None:
        size = sum(waiting.record.size for waiting in taken)
        with self._has_work:
            self._requests += 1
            self._refused += refused
            self._taken += len(taken)
            self._taken_bytes += size
            self._waiting_bytes -= size
            if taken:
                self._latencies.append(time.monotonic() - taken[0].since)
            self._has_settled.notify_all()
        self._on_request(Request(len(taken), refused, size))

    def _fail(self, failed: list[_Waiting], why: str, cause: BaseException | None) -> None:
        for waiting in failed:
            error = NotTaken(why)
            error.__cause__ = cause
            waiting.future.set_exception(error)
        with self._has_work:
            self._failed += len(failed)
            self._waiting_bytes -= sum(waiting.record.size for waiting in failed)
            self._has_settled.notify_all()

    def _break(self, batch: list[_Waiting], error: BaseException) -> None:
        """End in an error: nothing more is taken, and what waits has failed."""
        left = [waiting for waiting in batch if not waiting.future.done()]
        with self._has_work:
            self._is_closed, self._broken_by = True, error
            left += [waiting for waiting in self._queue if self._begins(waiting)]
            self._queue.clear()
        self._fail(left, f"the producer ended: {cause_of(error)}", error)
