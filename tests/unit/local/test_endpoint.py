"""The daemon marks its own polling requests, and reads the times of answers."""

import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from local.endpoint import LOOK_HEADER, Endpoint

STREAM = "arn:aws:kinesis:us-east-1:000000000000:stream/posts"
LOOKS = [
    ("kinesis", "get_records", {"ShardIterator": "AAAA", "StreamARN": STREAM}),
    ("kinesis", "list_shards", {"StreamARN": STREAM}),
    ("cloudwatch", "describe_alarms", {}),
    ("cloudwatch", "put_metric_data", {"Namespace": "N", "MetricData": []}),
    ("logs", "filter_log_events", {"logGroupName": "group"}),
    ("sqs", "get_queue_attributes", {"QueueUrl": "http://127.0.0.1:1/queue"}),
]
CHANGES = [
    ("kinesis", "put_record", {"StreamARN": STREAM, "Data": b"", "PartitionKey": "key"}),
    ("cloudwatch", "set_alarm_state", {"AlarmName": "a", "StateValue": "OK", "StateReason": "r"}),
    ("lambda", "invoke", {"FunctionName": "function"}),
    ("s3", "put_object", {"Bucket": "bucket", "Key": "key"}),
    ("sqs", "send_message", {"QueueUrl": "http://127.0.0.1:1/queue", "MessageBody": "m"}),
    ("stepfunctions", "start_execution", {"stateMachineArn": STREAM}),
]


def is_marked(endpoint: Endpoint, service: str, operation: str, request: dict[str, Any]) -> bool:
    """Return whether the request, as it would be sent, has the header."""
    client, sent = endpoint.client(service), []

    def answer(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        sent.append(request)
        raise StopIteration

    client.meta.events.register("before-send", answer)
    with pytest.raises(StopIteration):
        getattr(client, operation)(**request)
    return LOOK_HEADER in sent[0].headers


@pytest.mark.parametrize(("service", "operation", "request_"), LOOKS)
def test_polling_requests_of_the_daemon_are_marked(service, operation, request_) -> None:
    assert is_marked(
        Endpoint("http://127.0.0.1:1", looks_around=True), service, operation, request_
    )


@pytest.mark.parametrize(("service", "operation", "request_"), CHANGES)
def test_changes_made_by_the_daemon_are_not_marked(service, operation, request_) -> None:
    daemons = Endpoint("http://127.0.0.1:1", looks_around=True)
    assert not is_marked(daemons, service, operation, request_)


@pytest.mark.parametrize(("service", "operation", "request_"), LOOKS)
def test_polling_requests_of_other_clients_are_not_marked(service, operation, request_) -> None:
    assert not is_marked(Endpoint("http://127.0.0.1:1"), service, operation, request_)


@pytest.mark.parametrize("written", [1764500000.25, 1764500000, "2025-11-30T10:53:20Z"])
def test_record_timestamps_are_parsed_as_boto3_does(written: float | str):
    record = {"SequenceNumber": "1", "Data": "", "PartitionKey": "p"}
    records = [record | {"ApproximateArrivalTimestamp": written}]
    body = json.dumps({"Records": records, "MillisBehindLatest": 0}).encode()

    class Raw(io.BytesIO):
        def stream(self, **_: Any) -> list[bytes]:
            return [self.read()]

    def answer(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        return AWSResponse(request.url, 200, {}, Raw(body))

    client = Endpoint("http://127.0.0.1:1").client("kinesis")
    client.meta.events.register("before-send", answer)
    (read,) = client.get_records(ShardIterator="AAAA")["Records"]
    seconds = written if isinstance(written, float) else 1764500000
    assert read["ApproximateArrivalTimestamp"] == datetime.fromtimestamp(seconds, UTC)
