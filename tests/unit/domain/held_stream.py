"""A Kinesis stream that accepts, refuses and delays as a test of the producer requires."""

import math
import threading

from botocore.exceptions import ClientError

from stresswatch.producer import Producer
from stresswatch.streaming.put_records import StreamRecord
from tests.strict_calls import checked

SECONDS = 30
"""Longer than any step here; a missing event fails by it."""


class Stream:
    """Accept or refuse records as configured, one answer per request, with optional delays.

    An answer is a rule for the refused positions, or an error.
    """

    def __init__(self, *answers, held=False):
        self.requests = []
        self.taken = []
        self.arrived = threading.Semaphore(0)
        self._answers = iter(answers)
        self._open = threading.Event()
        if not held:
            self._open.set()

    def release(self):
        self._open.set()

    def put_records(self, StreamName, Records):  # noqa: N803 - boto3's names
        checked("kinesis", "PutRecords", StreamName=StreamName, Records=Records)
        self.requests.append([record["PartitionKey"] for record in Records])
        self.arrived.release()
        assert self._open.wait(SECONDS)
        answer = next(self._answers, lambda place: False)
        if isinstance(answer, Exception):
            raise answer
        results = []
        for place, record in enumerate(Records):
            if answer(place):
                results.append({"ErrorCode": "ProvisionedThroughputExceededException"})
            else:
                self.taken.append(record["PartitionKey"])
                results.append({"ShardId": "s", "SequenceNumber": str(len(self.taken))})
        return {"Records": results}


EVERY = lambda place: True  # noqa: E731
DENIED = ClientError({"Error": {"Code": "AccessDenied", "Message": "SECRET"}}, "PutRecords")


def producer_of(stream, **options):
    options = {"linger_seconds": math.inf, "sleep": lambda seconds: None} | options
    return Producer(stream, "posts", **options)


def record(name, size=10):
    return StreamRecord(str(name), bytes(size))


def post(name, **fields):
    return {"post_id": str(name), "text": "I cannot sleep", **fields}


def assert_adds_up(metrics):
    assert metrics.put == metrics.taken + metrics.failed + metrics.cancelled + metrics.waiting, (
        metrics
    )
    if not metrics.waiting:
        assert metrics.waiting_bytes == 0
