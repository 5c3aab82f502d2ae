"""Held records are predicted once their cause is fixed: each record exactly once."""

import base64
import json
import re

import pytest

from lambdas.predictor.handler import handler
from local.event_source_mapping.invocation import Source, kinesis_event
from stresswatch.contracts import posts
from tests.integration.conftest import CONTEXT
from tests.integration.replay.stack import NOW, SOURCE, crash_on, ids, rows_of, streamed
from tests.marker import MARKER


def test_a_dry_run_counts_by_place_and_reason_and_changes_nothing(stack):
    stack.reject(1, 2)
    stack.reject(3, text="")
    stack.give_up(4, 5, 6)
    before = stack.held()
    assert stack.replay(execute=False) == 6
    assert rows_of(stack.shown) == {
        ("quarantine", "text_too_long", "2", "2"),
        ("quarantine", "text_empty", "1", "0"),
        ("failed batches", "RecordAgeExceeded", "3", "3"),
    }
    assert "to send the records, add --execute" in stack.shown
    assert (stack.held(), stack.delivered) == (before, {})


def test_a_fixed_record_is_predicted_once_with_its_original_id(stack):
    stack.reject(1, 2)
    stack.give_up(3, 4)
    assert stack.archived() == []
    assert stack.replay() == 0
    assert stack.archived() == ids(1, 2, 3, 4)
    assert sorted(p["prediction_id"] for p in stack.aws.predictions()) == ids(1, 2, 3, 4)
    assert stack.held() == {}
    assert rows_of(stack.shown) == {
        ("quarantine", "text_too_long", "2", "2", "0"),
        ("failed batches", "RecordAgeExceeded", "2", "2", "0"),
    }
    assert "Empty the queue of failed batches" in stack.shown


def test_a_second_replay_finds_nothing_to_replay(stack):
    stack.reject(1)
    stack.replay()
    assert stack.replay() == 0
    assert stack.shown == "There is nothing to replay.\n"
    assert stack.delivered == {"1": 1}


def test_a_still_invalid_record_stays_with_its_current_reason(stack):
    stack.reject(1, text="")
    stack.reject(2)
    with stack.monkeypatch.context() as narrower:
        narrower.setattr(posts, "MAXIMUM_TEXT_LENGTH", 6)
        assert stack.replay() == 2
    assert stack.archived() == []
    entries = [json.loads(body) for body in stack.held().values()]
    assert {(entry["sequence_number"], entry["reason"]) for entry in entries} == {
        ("1", "text_empty"),
        ("2", "text_too_long"),
    }
    assert "Rejected again, and in quarantine: text_empty 1, text_too_long 1." in stack.shown
    stack.replay()
    assert stack.archived() == ids(2)


def test_an_invalid_record_of_a_failed_batch_goes_to_quarantine(stack):
    stack.give_up(1, text=" ")
    assert stack.replay() == 0
    (entry,) = map(json.loads, stack.held().values())
    assert (entry["sequence_number"], entry["reason"]) == ("1", "text_empty")


def test_each_record_of_a_half_finished_batch_has_one_prediction(stack):
    stack.predict(1, 2)
    stack.give_up(1, 2, 3)
    stack.replay()
    assert stack.archived() == ids(1, 2, 3)
    assert {p["prediction_id"] for p in stack.aws.predictions()} == set(ids(1, 2, 3))


def test_an_invocation_has_one_shard_and_at_most_500_records(stack):
    with stack.monkeypatch.context() as narrow:
        narrow.setattr(posts, "MAXIMUM_TEXT_LENGTH", 5)
        for shard in ("shardId-000000000001", "shardId-000000000002"):
            source = Source(SOURCE.stream_arn, shard, "arn:role")
            records = [streamed(1000 + number, "more words") for number in range(501)]
            handler(kinesis_event(records, source), CONTEXT)
    shards = []

    def answer(event):
        shards.append({record["eventID"].partition(":")[0] for record in event["Records"]})
        return {"batchItemFailures": []}

    stack.answer = answer
    assert stack.replay() == 0
    assert stack.sizes == [500, 1, 500, 1]
    assert shards == [{"shardId-000000000001"}] * 2 + [{"shardId-000000000002"}] * 2


def test_unreadable_objects_are_named_and_do_not_block_a_replay(stack):
    stack.reject(1)
    strange = {
        f"quarantine/date={NOW:%Y-%m-%d}/a.json": b"[]",
        "aws/lambda/a": b'{"payload": "[]"}',
        "aws/lambda/b": b'{"requestContext": {"condition": "x"}, "payload": "{\\"Records\\": []}"}',
        "aws/lambda/c": b"\xff",
    }
    for key, body in strange.items():
        stack.aws.put("quarantine", key, body)
    assert stack.replay() == 0
    assert "4 objects cannot be read and stay, such as quarantine/date=" in stack.shown
    assert stack.archived() == ids(1)
    assert stack.held() == strange


def test_a_restored_object_keeps_its_metadata(stack):
    stack.reject(1)
    (key,) = stack.aws.keys("quarantine")
    stack.answer = crash_on("1")
    stack.replay()
    head = stack.aws.s3.head_object(Bucket="quarantine", Key=key)
    assert head["ContentType"] == "application/json"
    entry = json.loads(stack.aws.body("quarantine", key))
    assert base64.b64decode(entry["payload_base64"]) == streamed(1, f"{MARKER} and more words").data


def test_the_output_omits_post_text(stack):
    stack.reject(1, 2)
    stack.give_up(3)
    stack.answer = crash_on("3")
    stack.replay(execute=False)
    said = stack.shown
    stack.replay()
    assert MARKER not in said + stack.shown


@pytest.mark.parametrize("width", [20, 40])
def test_output_fits_a_narrow_terminal(stack, width):
    stack.reject(1)
    stack.give_up(2)
    stack.replay(execute=False, width=width)
    said = stack.shown
    stack.replay(width=width)
    assert all(len(line) <= width for line in (said + stack.shown).splitlines())
    if width == 40:
        assert re.search(r"1 │ *1 │ *0 │", stack.shown)
