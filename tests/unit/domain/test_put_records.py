from hypothesis import given
from hypothesis import strategies as st

from stresswatch.streaming.put_records import (
    MAXIMUM_BYTES,
    MAXIMUM_RECORDS,
    Position,
    StreamRecord,
    put_records,
    requests,
)
from tests.strict_calls import checked


class Stream:
    """Accept or refuse records as configured, one answer per request."""

    def __init__(self, refusals=()):
        self.refusals = iter(refusals)
        self.taken = []

    def put_records(self, StreamName, Records):  # noqa: N803 - boto3's names
        checked("kinesis", "PutRecords", StreamName=StreamName, Records=Records)
        refuse = next(self.refusals, lambda place: False)
        results = []
        for place, record in enumerate(Records):
            if refuse(place):
                results.append({"ErrorCode": "ProvisionedThroughputExceededException"})
            else:
                self.taken.append(record["PartitionKey"])
                results.append({"SequenceNumber": record["PartitionKey"], "ShardId": "s"})
        return {"Records": results}


def records(count):
    return [StreamRecord(str(number), b"data") for number in range(count)]


@given(st.lists(st.integers(0, MAXIMUM_BYTES // 2), max_size=30))
def test_requests_stay_within_limits_and_cover_all_records(sizes):
    waiting = [StreamRecord("k", bytes(size)) for size in sizes]
    cut = list(requests(waiting))
    assert [place for places in cut for place in places] == list(range(len(waiting)))
    for places in cut:
        assert len(places) <= MAXIMUM_RECORDS
        assert sum(waiting[place].size for place in places) <= MAXIMUM_BYTES


def test_at_most_500_records_go_in_one_request():
    assert [len(places) for places in requests(records(1200))] == [500, 500, 200]


def test_only_failed_records_are_retried():
    stream = Stream([lambda place: place in (1, 3), lambda place: place == 0])
    positions = put_records(stream, "s", records(5), sleep=lambda seconds: None)
    assert positions == [Position("s", str(number)) for number in range(5)]
    assert sorted(stream.taken) == ["0", "1", "2", "3", "4"]


def test_records_out_of_retries_have_no_position():
    stream = Stream([lambda place: place != 0] + [lambda place: True] * 3)
    waits = []
    positions = put_records(stream, "s", records(3), attempts=4, sleep=waits.append)
    assert positions == [Position("s", "0"), None, None]
    assert len(waits) == 3
