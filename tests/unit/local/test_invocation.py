"""The event for a function, and the record for a failure destination."""

import json
import uuid

from local.event_source_mapping.batching import (
    Batch,
    Condition,
    Discard,
    InvocationResult,
    ShardRecord,
)
from local.event_source_mapping.invocation import Source, failure_key, failure_record, kinesis_event

SOURCE = Source(
    stream_arn="arn:aws:kinesis:us-east-1:000000000000:stream/posts",
    shard_id="shardId-000000000006",
    role_arn="arn:aws:iam::000000000000:role/predictor",
)
RECORDS = (
    ShardRecord(
        "49590338271490256608559692538361571095921575989136588898", "1", b"Hello", 1545084650.987
    ),
    ShardRecord(
        "49590338271490256608559692540925702759324208523137515618", "1", b"test.", 1545084711.166
    ),
)
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:predictor"
NOW = 1545084800.5


def test_the_event_has_the_documented_shape() -> None:
    assert kinesis_event(RECORDS[:1], SOURCE) == {
        "Records": [
            {
                "kinesis": {
                    "kinesisSchemaVersion": "1.0",
                    "partitionKey": "1",
                    "sequenceNumber": RECORDS[0].sequence_number,
                    "data": "SGVsbG8=",
                    "approximateArrivalTimestamp": 1545084650.987,
                },
                "eventSource": "aws:kinesis",
                "eventVersion": "1.0",
                "eventID": f"shardId-000000000006:{RECORDS[0].sequence_number}",
                "eventName": "aws:kinesis:record",
                "invokeIdentityArn": SOURCE.role_arn,
                "awsRegion": "us-east-1",
                "eventSourceARN": SOURCE.stream_arn,
            }
        ]
    }


def test_an_event_record_is_at_most_as_large_as_batching_assumes() -> None:
    (record,) = kinesis_event(RECORDS[:1], SOURCE)["Records"]
    assert len(json.dumps(record)) <= RECORDS[0].payload_bytes


def test_the_failure_record_has_the_documented_shape_and_the_event() -> None:
    answer = InvocationResult({}, function_error="Unhandled", request_id="request-1")
    batch = Batch(RECORDS, failures=3, invocations=3, last_answer=answer)
    record = failure_record(Discard(batch, Condition.RETRIES_EXHAUSTED), SOURCE, FUNCTION, NOW)
    payload = record.pop("payload")
    assert record == {
        "requestContext": {
            "requestId": "request-1",
            "functionArn": FUNCTION,
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": 3,
        },
        "responseContext": {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            "functionError": "Unhandled",
        },
        "version": "1.0",
        "timestamp": "2018-12-17T22:13:20.500Z",
        "KinesisBatchInfo": {
            "shardId": "shardId-000000000006",
            "startSequenceNumber": RECORDS[0].sequence_number,
            "endSequenceNumber": RECORDS[1].sequence_number,
            "approximateArrivalOfFirstRecord": "2018-12-17T22:10:50.987Z",
            "approximateArrivalOfLastRecord": "2018-12-17T22:11:51.166Z",
            "batchSize": 2,
            "streamArn": SOURCE.stream_arn,
        },
    }
    assert json.loads(payload) == kinesis_event(RECORDS, SOURCE)


def test_an_expired_batch_is_recorded_without_a_response() -> None:
    discard = Discard(Batch(RECORDS), Condition.RECORD_AGE_EXCEEDED)
    record = failure_record(discard, SOURCE, FUNCTION, NOW)
    assert "responseContext" not in record
    assert record["requestContext"]["condition"] == "RecordAgeExceeded"
    assert record["requestContext"]["approximateInvokeCount"] == 0


def test_the_failure_key_has_the_format_of_lambda() -> None:
    unique = uuid.UUID(int=7)
    assert failure_key("mapping", "shardId-000000000006", NOW, unique) == (
        f"aws/lambda/mapping/shardId-000000000006/2018/12/17/2018-12-17T22.13.20-{unique}"
    )
