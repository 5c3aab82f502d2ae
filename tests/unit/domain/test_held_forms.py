"""The forms of records held without a prediction: quarantined records and failed batches."""

import json

import pytest

from stresswatch.contracts.predictions import Record, Rejection
from stresswatch.storage import quarantine
from stresswatch.storage.failed_batches import FailedBatch, invocation_record
from stresswatch.storage.quarantine import QuarantinedRecord
from stresswatch.streaming.kinesis_event import read_event

STREAM_ARN = "arn:aws:kinesis:eu-central-1:123456789012:stream/posts"
RECORD = Record(
    b"\xffnot a post", "posts", "shardId-000000000000", "4711", arrival=1_700_000_000.25
)


@pytest.fixture
def entry():
    body = quarantine.encode(Rejection(RECORD, "not_utf8", "the record must be UTF-8"))
    return QuarantinedRecord.decode(json.loads(body))


@pytest.fixture
def batch():
    records = [{"kinesis": {"sequenceNumber": str(number)}} for number in range(3)]
    return FailedBatch.decode(
        invocation_record(
            {"requestContext": {"condition": "RetryAttemptsExhausted"}},
            {"startSequenceNumber": "0"},
            {"Records": records},
        )
    )


def test_a_quarantined_record_keeps_its_payload_and_reason(entry):
    assert entry.payload == RECORD.data
    assert entry.sequence_number == RECORD.sequence_number
    assert entry.reason == "not_utf8"


def test_quarantine_fields_without_post_content_can_be_queried(entry):
    assert {*quarantine.COLUMNS} == entry.content.keys() - {"detail", "payload_base64"}


def test_a_quarantined_record_is_redelivered_unchanged(entry):
    assert read_event({"Records": [entry.event_record(STREAM_ARN)]}) == [RECORD]


def test_replacing_the_payload_keeps_the_other_fields(entry):
    changed = QuarantinedRecord.decode(json.loads(entry.with_payload(b"{}").encode()))
    assert changed.payload == b"{}"
    assert changed.content == entry.content | {"payload_base64": "e30="}


def test_a_failed_batch_updates_its_size_with_its_records(batch):
    fewer = FailedBatch.decode(json.loads(batch.with_records(batch.records[1:]).encode()))
    assert fewer.records == batch.records[1:]
    assert fewer.condition == "RetryAttemptsExhausted"
    assert fewer.content["KinesisBatchInfo"] == {"startSequenceNumber": "0", "batchSize": 2}


@pytest.mark.parametrize("broken", [{}, {"KinesisBatchInfo": 1, "payload": "{}"}, [], None])
def test_an_invalid_failed_batch_is_rejected(broken):
    with pytest.raises((TypeError, KeyError)):
        FailedBatch.decode(broken)
