import json
import math
import queue
import random
import subprocess
import sys
import textwrap
from concurrent.futures import CancelledError, ThreadPoolExecutor

import pytest
from botocore.exceptions import EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st

from stresswatch.contracts.posts import InvalidPost, parse_post
from stresswatch.producer import (
    InvalidRecord,
    NotTaken,
    ProducerClosed,
    ProducerFull,
    Request,
    post_to_record,
)
from stresswatch.streaming.put_records import (
    MAXIMUM_BYTES,
    MAXIMUM_RECORD_BYTES,
    MAXIMUM_RECORDS,
    Position,
    StreamRecord,
)
from tests.unit.domain.held_stream import (
    DENIED,
    EVERY,
    SECONDS,
    Stream,
    assert_adds_up,
    post,
    producer_of,
    record,
)


def test_a_post_is_written_by_contract_and_returns_its_position():
    written = post_to_record(post("p1", sentiment=0.5, source="résumé"))
    assert written.partition_key == "p1"
    assert parse_post(written.data).source == "résumé"
    with producer_of(Stream()) as producer:
        future = producer.put(post("p1"))
    assert future.result(SECONDS) == Position("s", "1")


@pytest.mark.parametrize(
    ("invalid", "reason"),
    [
        ({"post_id": "p"}, "text_missing"),
        (post("p", sentiment=math.nan), "number_not_finite"),
        (post("p", text="\ud800"), "not_unicode"),
        (post("p", created_at=object()), "not_json"),
        (["a", "list"], "not_an_object"),
    ],
)
def test_an_invalid_post_is_rejected_before_sending(invalid, reason):
    stream = Stream()
    with producer_of(stream) as producer, pytest.raises(InvalidPost) as refused:
        producer.put(invalid)
    assert refused.value.reason == reason
    assert stream.requests == []


def test_a_post_without_an_id_is_keyed_by_its_content():
    keys = {post_to_record({"text": text}).partition_key for text in ("a", "b", "a")}
    assert len(keys) == 2


@pytest.mark.parametrize("key", ["", "k" * 257])
def test_an_invalid_record_is_rejected_before_sending(key):
    with producer_of(Stream()) as producer:
        with pytest.raises(InvalidRecord, match="keys of 1 to 256"):
            producer.put_record(StreamRecord(key, b"x"))
        with pytest.raises(InvalidRecord, match="1,048,576"):
            producer.put_record(record("k", MAXIMUM_RECORD_BYTES))


@given(
    st.lists(st.sampled_from([1, 700, 400_000, MAXIMUM_RECORD_BYTES - 10]), max_size=30),
    st.integers(0, 1200),
    st.sampled_from([1, 100_000, 16 * 1024 * 1024]),
    st.integers(0, 99),
)
def test_each_record_succeeds_or_fails_and_requests_stay_ordered(large, small, room, seed):
    records = [record(number, size) for number, size in enumerate([*large, *[5] * small])]
    chance = random.Random(seed)
    stream = Stream(*[lambda place: chance.random() < 0.3] * 5)
    with producer_of(stream, attempts=4, maximum_waiting_bytes=room) as producer:
        futures = [producer.put_record(each) for each in records]
    assert all(future.done() for future in futures)
    taken = [
        each.partition_key
        for each, future in zip(records, futures, strict=True)
        if future.exception() is None
    ]
    assert sorted(taken) == sorted(stream.taken) == sorted(stream.taken)
    metrics = producer.metrics()
    assert (metrics.taken, metrics.waiting) == (len(taken), 0)
    assert metrics.taken_bytes == sum(r.size for r in records if r.partition_key in set(taken))
    assert_adds_up(metrics)
    before, last = [], -1
    for request in stream.requests:
        numbers = [int(key) for key in request]
        assert numbers == sorted(numbers)
        assert len(numbers) <= MAXIMUM_RECORDS
        assert sum(records[number].size for number in numbers) <= MAXIMUM_BYTES
        assert numbers[0] > last or set(request) <= set(before)
        before, last = request, max(last, numbers[-1])


def test_a_full_request_is_sent_at_once_and_the_rest_waits():
    stream = Stream()
    producer = producer_of(stream)
    futures = [producer.put_record(record(number)) for number in range(MAXIMUM_RECORDS + 1)]
    futures[MAXIMUM_RECORDS - 1].result(SECONDS)
    assert not futures[-1].done()
    producer.close()
    assert futures[-1].done()
    assert [len(request) for request in stream.requests] == [MAXIMUM_RECORDS, 1]


def test_a_single_record_is_sent_after_the_linger_time():
    with producer_of(Stream(), linger_seconds=0.01) as producer:
        assert producer.put(post("p")).result(SECONDS)


def test_flush_waits_for_all_earlier_records():
    stream = Stream(lambda place: place == 1)
    with producer_of(stream) as producer:
        futures = [producer.put_record(record(number)) for number in range(3)]
        producer.flush(SECONDS)
        assert all(future.done() for future in futures)
        assert stream.requests == [["0", "1", "2"], ["1"]]
        producer.flush(SECONDS)


def test_flush_can_time_out_while_records_are_still_sent():
    stream = Stream(held=True)
    with producer_of(stream) as producer:
        future = producer.put(post("p"))
        with pytest.raises(TimeoutError, match="1 records still wait"):
            producer.flush(0.01)
        stream.release()
    assert future.done()


def test_only_failed_records_are_retried_with_growing_waits():
    stream = Stream(lambda place: place != 0, EVERY, EVERY)
    waits = []
    with producer_of(stream, sleep=waits.append) as producer:
        for number in range(3):
            producer.put_record(record(number))
    assert stream.requests == [["0", "1", "2"], ["1", "2"], ["1", "2"], ["1", "2"]]
    assert [wait <= limit for wait, limit in zip(waits, (0.1, 0.2, 0.4), strict=True)] == [True] * 3
    assert producer.metrics().refused == 6


def test_only_records_out_of_retries_fail():
    stream = Stream(lambda place: place == 0, EVERY)
    with producer_of(stream, attempts=2) as producer:
        first, second = (producer.put_record(record(number)) for number in range(2))
        producer.flush(SECONDS)
        third = producer.put_record(record(3))
    with pytest.raises(NotTaken, match="refused the record 2 times; put posts more slowly"):
        first.result(SECONDS)
    assert second.result(SECONDS) == Position("s", "1")
    assert third.result(SECONDS) == Position("s", "2")
    assert_adds_up(producer.metrics())


@pytest.mark.parametrize("error", [DENIED, EndpointConnectionError(endpoint_url="http://x")])
def test_a_failed_request_does_not_fail_records_already_taken(error):
    stream = Stream(lambda place: place == 1, error)
    with producer_of(stream) as producer:
        taken, failed = (producer.put_record(record(number)) for number in range(2))
        producer.flush(SECONDS)
        later = producer.put_record(record(2))
    assert taken.exception(SECONDS) is None
    assert later.exception(SECONDS) is None
    with pytest.raises(NotTaken, match="and the stream may have taken the record") as raised:
        failed.result(SECONDS)
    assert raised.value.__cause__ is error
    assert "SECRET" not in str(raised.value)


def test_put_blocks_until_there_is_room():
    stream = Stream(held=True)
    with producer_of(stream, maximum_waiting_bytes=25) as producer:
        producer.put_record(record("a"))
        producer.put_record(record("b"))
        with ThreadPoolExecutor(1) as pool:
            blocked = pool.submit(producer.put_record, record("c"))
            assert stream.arrived.acquire(timeout=SECONDS)
            assert not blocked.done()
            assert producer.metrics().waiting_bytes == 22
            stream.release()
            assert blocked.result(SECONDS)
    assert stream.taken == ["a", "b", "c"]


@pytest.mark.parametrize("timeout", [0, 0.01])
def test_put_times_out_without_room_and_keeps_other_records(timeout):
    stream = Stream(held=True)
    with producer_of(stream, maximum_waiting_bytes=11) as producer:
        first = producer.put_record(record("a"))
        with pytest.raises(ProducerFull, match="11 bytes wait for the stream posts"):
            producer.put_record(record("b"), timeout)
        stream.release()
    assert first.exception(SECONDS) is None
    assert producer.metrics().put == 1


def test_a_record_larger_than_the_buffer_is_sent_alone():
    with producer_of(Stream(), maximum_waiting_bytes=1) as producer:
        futures = [producer.put_record(record(number)) for number in range(3)]
    assert [future.result(SECONDS).sequence_number for future in futures] == ["1", "2", "3"]


def test_records_of_many_threads_arrive_in_each_threads_order():
    stream = Stream()
    with producer_of(stream, linger_seconds=0.001, maximum_waiting_bytes=5_000) as producer:

        def put_many(thread):
            for number in range(300):
                producer.put_record(record(f"{thread}-{number}"))

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(put_many, range(4)))
    for thread in range(4):
        mine = [key for key in stream.taken if key.startswith(f"{thread}-")]
        assert mine == [f"{thread}-{number}" for number in range(300)]


def test_a_record_cancelled_in_time_is_not_sent():
    stream = Stream()
    with producer_of(stream) as producer:
        cancelled, kept = producer.put_record(record("a")), producer.put_record(record("b"))
        assert cancelled.cancel()
    with pytest.raises(CancelledError):
        cancelled.result(SECONDS)
    assert kept.exception(SECONDS) is None
    assert stream.taken == ["b"]
    metrics = producer.metrics()
    assert (metrics.cancelled, metrics.taken) == (1, 1)
    assert_adds_up(metrics)


def test_a_closed_producer_rejects_posts_and_can_be_closed_again():
    producer = producer_of(Stream())
    producer.close()
    producer.close()
    with pytest.raises(ProducerClosed):
        producer.put(post("p"))


def test_a_caller_waiting_for_room_fails_when_the_producer_closes():
    stream = Stream(held=True)
    producer = producer_of(stream, maximum_waiting_bytes=1)
    producer.put_record(record("a"))
    with ThreadPoolExecutor(2) as pool:
        blocked = pool.submit(producer.put_record, record("b"))
        assert stream.arrived.acquire(timeout=SECONDS)
        closing = pool.submit(producer.close)
        with pytest.raises(ProducerClosed):
            blocked.result(SECONDS)
        stream.release()
        closing.result(SECONDS)


def test_the_hook_is_called_for_each_answered_request():
    told = []
    with producer_of(Stream(lambda place: place == 0), on_request=told.append) as producer:
        producer.put_record(record("a"))
        producer.put_record(record("b"))
    assert told == [Request(1, 1, 11), Request(1, 0, 11)]


def test_a_failing_hook_ends_the_producer_and_fails_waiting_records():
    def hook(request):
        raise ZeroDivisionError("SECRET")

    stream = Stream(held=True)
    producer = producer_of(stream, on_request=hook, linger_seconds=0)
    taken = producer.put_record(record("a"))
    assert stream.arrived.acquire(timeout=SECONDS)
    waiting, cancelled = producer.put_record(record("b")), producer.put_record(record("c"))
    assert cancelled.cancel()
    stream.release()
    assert taken.exception(SECONDS) is None
    with pytest.raises(NotTaken, match="the producer ended: ZeroDivisionError") as raised:
        waiting.result(SECONDS)
    assert "SECRET" not in str(raised.value)
    for call in (producer.flush, producer.close, lambda: producer.put(post("p"))):
        with pytest.raises(ProducerClosed) as closed:
            call()
        assert isinstance(closed.value.__cause__, ZeroDivisionError)
    assert_adds_up(producer.metrics())


def test_a_callback_cannot_wait_for_room_or_flush():
    stream = Stream(held=True)
    heard = queue.SimpleQueue()
    with producer_of(stream, maximum_waiting_bytes=22) as producer:

        def callback(future):
            for action in (lambda: producer.put_record(record("c")), producer.flush):
                try:
                    heard.put(action())
                except (ProducerFull, RuntimeError) as error:
                    heard.put(type(error))

        producer.put_record(record("a")).add_done_callback(callback)
        producer.put_record(record("b"))
        with pytest.raises(TimeoutError):
            producer.flush(0)
        stream.release()
        assert [heard.get(timeout=SECONDS) for _ in range(2)] == [ProducerFull, RuntimeError]


def test_latencies_and_bytes_are_counted():
    with producer_of(Stream()) as producer:
        assert producer.metrics().latency_median_seconds is None
        producer.put_record(record("a"))
        assert producer.metrics().waiting_bytes == 11
    metrics = producer.metrics()
    assert 0 <= metrics.latency_median_seconds <= metrics.latency_highest_seconds
    assert (metrics.requests, metrics.taken_bytes) == (1, 11)


@pytest.mark.parametrize(
    "wrong",
    [
        {"linger_seconds": -1},
        {"linger_seconds": math.nan},
        {"attempts": 0},
        {"maximum_waiting_bytes": 0},
    ],
)
def test_invalid_settings_are_rejected(wrong):
    with pytest.raises(ValueError, match="must"):
        producer_of(Stream(), **wrong)


def test_exiting_without_close_sends_all_records():
    program = """
        import json, math
        from stresswatch.producer import Producer
        class Stream:
            def put_records(self, StreamName, Records):
                print(json.dumps([record["PartitionKey"] for record in Records]))
                return {"Records": [{"ShardId": "s", "SequenceNumber": "1"}] * len(Records)}
        producer = Producer(Stream(), "posts", linger_seconds=math.inf)
        for number in range(3):
            producer.put({"post_id": str(number), "text": "x"})
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == ["0", "1", "2"]
