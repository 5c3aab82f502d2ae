"""Events that a function accepts from an event source mapping, and those that it refuses."""

import base64
import copy

import pytest

from stresswatch.contracts.predictions import Record
from stresswatch.streaming.kinesis_event import InvalidEvent, read_event

SECRET = "what somebody wrote"
PAYLOAD = base64.b64encode(SECRET.encode()).decode()
EVENT = {
    "Records": [
        {
            "eventID": f"shardId-000000000006:{number}",
            "eventSourceARN": "arn:aws-cn:kinesis:cn-north-1:123456789012:stream/stresswatch-posts",
            "kinesis": {
                "sequenceNumber": f"{number}",
                "data": PAYLOAD,
                "approximateArrivalTimestamp": 1_763_900_000.25,
                "partitionKey": "anything",
            },
            "surplus": SECRET,
        }
        for number in (495, 496)
    ]
}


def changed(**fields):
    """Return the event with fields of its second record replaced, or removed if None."""
    event = copy.deepcopy(EVENT)
    record = event["Records"][1]
    for name, value in fields.items():
        within = record if name in record else record["kinesis"]
        within[name] = value
        if value is None:
            del within[name]
    return event


def test_records_have_their_position_in_the_stream():
    first, second = read_event(EVENT)
    assert first == Record(
        SECRET.encode(), "stresswatch-posts", "shardId-000000000006", "495", 1_763_900_000.25
    )
    assert second.sequence_number == "496"


def test_an_enhanced_fan_out_consumer_reads_the_same_stream():
    stream = EVENT["Records"][1]["eventSourceARN"]
    _, second = read_event(changed(eventSourceARN=f"{stream}/consumer/predictor:1795548750"))
    assert second == read_event(EVENT)[1]


def test_an_event_without_records_is_valid():
    assert read_event({"Records": []}) == []


@pytest.mark.parametrize(
    "event", [None, [], SECRET, {}, {"records": []}, {"Records": None}, {"Records": {"a": SECRET}}]
)
def test_an_event_without_a_list_of_records_is_rejected(event):
    with pytest.raises(InvalidEvent, match="no list of Records; only a Kinesis event source"):
        read_event(event)


@pytest.mark.parametrize("record", [None, 1, SECRET, [SECRET], {}, {"body": SECRET}])
def test_a_non_kinesis_record_is_rejected(record):
    with pytest.raises(InvalidEvent, match="record 0 of the event has no valid kinesis"):
        read_event({"Records": [record]})


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("eventID", [SECRET, "496", "shardId-000000000006:", "shardId-6:496", "../a:496", 496]),
        ("eventSourceARN", ["", "arn:aws:sqs:us-east-1:123456789012:posts", [SECRET], 1]),
        ("kinesis", [SECRET, [], [SECRET], 1]),
        ("data", [SECRET, "YQ", "YQ==\n", "ä", ["YQ=="], 1, {}]),
        ("approximateArrivalTimestamp", ["1", True, -1, 1e300, 10**400, float("nan"), []]),
    ],
)
def test_an_invalid_field_is_named_without_quoting_its_value(field, values):
    for value in (None, *values):
        with pytest.raises(InvalidEvent) as refused:
            read_event(changed(**{field: value}))
        assert f"record 1 of the event has no valid {field};" in str(refused.value)
        assert SECRET not in str(refused.value)
        assert refused.value.__suppress_context__


@pytest.mark.parametrize("number", [None, "497", 496, ""])
def test_a_sequence_number_must_match_the_event_id(number):
    with pytest.raises(InvalidEvent, match="lacks the sequenceNumber of its eventID"):
        read_event(changed(sequenceNumber=number))
