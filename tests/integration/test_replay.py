"""What was rejected or given up is predicted once its cause is mended: each record exactly once."""

import base64
import io
import json
import re
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError
from rich.console import Console

from cli.deployment.target import Target
from cli.errors import OperatorError
from cli.replay.claims import LEASE
from cli.replay.command import replay, selection_of
from cli.replay.held_objects import Selection
from lambdas.predictor.handler import handler, predictor
from local.event_source_mapping.batching import Answer, Batch, Condition, Discard
from local.event_source_mapping.batching import Record as StreamedRecord
from local.event_source_mapping.invocation import Source, failure_key, failure_record, kinesis_event
from stresswatch.contracts import posts
from stresswatch.contracts.predictions import prediction_id
from stresswatch.storage import archive, quarantine
from tests.integration.conftest import CONTEXT
from tests.marker import MARKER

NOW = datetime.now(UTC)
SHARD = "shardId-000000000000"
SOURCE = Source("arn:aws:kinesis:us-east-1:123456789012:stream/posts", SHARD, "arn:role")


class Killed(BaseException):
    """The command's process is gone: nothing hears of it, and nothing is tidied up."""


@pytest.fixture
def stack(aws, version_files, monkeypatch):
    predictor.cache_clear()
    aws.promote("v1", version_files)
    yield Stack(aws, monkeypatch)
    predictor.cache_clear()


class Stack:
    """The predictor, its quarantine, and the command that replays what is there."""

    def __init__(self, aws, monkeypatch):
        self.aws = aws
        self.monkeypatch = monkeypatch
        self.answer = lambda event: handler(event, CONTEXT)
        self.delivered = Counter()
        self.sizes = []
        self.slept = []
        self.before_invoke = lambda: None
        self.later = timedelta(0)
        outputs = {
            "QuarantineBucketName": "quarantine",
            "PredictorFunctionName": "predictor",
            "PostsStreamName": "posts",
        }
        aws.kinesis.create_stream(StreamName="posts", ShardCount=1)
        functions = SimpleNamespace(invoke=self.invoke)
        clients = {"s3": aws.s3, "kinesis": aws.kinesis, "lambda": functions}
        self.target = Target("stresswatch-dev", outputs, clients.__getitem__)

    def invoke(self, **request):
        assert request["FunctionName"] == "predictor"
        self.before_invoke()
        event = json.loads(request["Payload"])
        numbers = [record["kinesis"]["sequenceNumber"] for record in event["Records"]]
        self.delivered.update(numbers)
        self.sizes.append(len(numbers))
        try:
            answer, error = self.answer(event), {}
        except MemoryError as crash:
            answer, error = {"errorType": type(crash).__name__}, {"FunctionError": "Unhandled"}
        return {"Payload": io.BytesIO(json.dumps(answer).encode()), **error}

    def reject(self, *numbers, text=f"{MARKER} and more words", arrived=NOW, reason=None):
        """Have the predictor quarantine valid posts, by a contract that is too narrow."""
        with self.monkeypatch.context() as narrow:
            narrow.setattr(posts, "MAXIMUM_TEXT_LENGTH", 5)
            records = [streamed(number, text, arrived) for number in numbers]
            handler(kinesis_event(records, SOURCE), CONTEXT)

    def give_up(self, *numbers, text=f"{MARKER} and words", arrived=NOW) -> str:
        """Give up a batch, as the event source mapping does."""
        records = tuple(streamed(number, text, arrived) for number in numbers)
        discard = Discard(
            Batch(records, last_answer=Answer(None, "Unhandled")), Condition.RECORD_AGE_EXCEEDED
        )
        body = failure_record(discard, SOURCE, "arn:function", NOW.timestamp())
        key = failure_key("mapping", SHARD, NOW.timestamp(), uuid.uuid4())
        self.aws.put("quarantine", key, json.dumps(body).encode())
        return key

    def predict(self, *numbers, text=f"{MARKER} and words"):
        """Deliver records by the stream, as before the batch was given up."""
        handler(kinesis_event([streamed(number, text) for number in numbers], SOURCE), CONTEXT)

    def replay(self, *reasons, execute=True, width=200, selection=None) -> int:
        shown = io.StringIO()
        try:
            return replay(
                Console(file=shown, width=width),
                self.target,
                selection or Selection(frozenset(reasons)),
                execute=execute,
                sleep=self.slept.append,
                now=lambda: datetime.now(UTC) + self.later,
            )
        finally:
            self.shown = shown.getvalue()

    def archived(self) -> list[str]:
        """The prediction ids of what the archive's reader returns."""
        day = timedelta(days=1)
        rows = archive.read(self.aws.s3, "archive", NOW - day, NOW + day)
        return sorted(row["prediction_id"] for row in rows)

    def held(self) -> dict[str, bytes]:
        return {key: self.aws.body("quarantine", key) for key in self.aws.keys("quarantine")}

    def before(self, operation, do):
        """Do something before each call of an operation on S3, given its request."""

        def hear(params, **_):
            do(params)  # what it gives would take the request's place

        self.aws.s3.meta.events.register(f"provide-client-params.s3.{operation}", hear)


def streamed(number, text, arrived=NOW):
    data = json.dumps({"post_id": f"post-{number}", "text": text}).encode()
    return StreamedRecord(str(number), "key", data, arrived.timestamp())


def ids(*numbers):
    """The ids that the predictions of records at these places have."""
    return sorted(prediction_id("posts", SHARD, str(number)) for number in numbers)


def rows_of(shown) -> set[tuple[str, ...]]:
    """The table's rows, without its head."""
    lines = [line for line in shown.splitlines() if line.startswith("│")]
    return {tuple(cell.strip() for cell in line.strip("│").split("│")) for line in lines}


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
    assert "to send it, add --execute" in stack.shown
    assert (stack.held(), stack.delivered) == (before, {})


def test_a_fixed_record_is_predicted_once_under_its_first_id(stack):
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


def test_a_second_replay_has_nothing_to_do_and_says_so(stack):
    stack.reject(1)
    stack.replay()
    assert stack.replay() == 0
    assert stack.shown == "There is nothing to replay.\n"
    assert stack.delivered == {"1": 1}


def test_a_still_invalid_record_stays_once_with_its_present_reason(stack):
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
    assert "Rejected once more, and in quarantine: text_empty 1, text_too_long 1." in stack.shown
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


WRITES = ("PutObject", "DeleteObject")


@pytest.mark.parametrize("done", range(10))
def test_a_kill_at_any_write_or_invocation_loses_and_repeats_nothing(stack, done):
    stack.reject(1, 2)
    stack.give_up(3, 4)
    steps = iter(range(100))
    alive = [False]

    def step(request=None):
        if not alive[0] and next(steps) >= done:
            raise Killed

    def step_unless_the_predictors(request):
        if request["Bucket"] == "quarantine":
            step()

    for operation in WRITES:
        stack.before(operation, step_unless_the_predictors)
    stack.before_invoke = step
    if done < 8:  # two claims and two deletions of records, one each of the batch, two invocations
        with pytest.raises(Killed):
            stack.replay()
    else:
        assert stack.replay() == 0
    alive[0] = True
    stack.later = LEASE
    assert stack.replay() == 0
    assert stack.archived() == ids(1, 2, 3, 4)
    assert {p["prediction_id"] for p in stack.aws.predictions()} == set(ids(1, 2, 3, 4))
    assert stack.held() == {}


def test_claims_of_a_killed_replay_stand_for_a_while_and_are_named(stack):
    stack.reject(1, 2)

    def die():
        stack.before("PutObject", die_too)
        raise Killed

    def die_too(request):
        if request["Bucket"] == "quarantine" and not revived:
            raise Killed

    revived = []
    stack.before_invoke = die
    with pytest.raises(Killed):
        stack.replay()
    revived.append(True)
    stack.before_invoke = lambda: None
    assert stack.replay() == 2
    assert "2 records are in another replay, which runs or was killed" in stack.shown
    assert stack.delivered == {}
    stack.later = LEASE
    assert stack.replay() == 0
    assert stack.delivered == {"1": 1, "2": 1}


def test_who_stops_it_by_hand_can_go_on_at_once(stack):
    stack.reject(1)
    before = stack.held()

    def stop():
        raise KeyboardInterrupt

    stack.before_invoke = stop
    with pytest.raises(KeyboardInterrupt):
        stack.replay()
    assert stack.held() == before
    assert ("quarantine", "text_too_long", "1", "0", "1") in rows_of(stack.shown)
    stack.before_invoke = lambda: None
    assert stack.replay() == 0
    assert stack.archived() == ids(1)


@pytest.mark.parametrize("moment", ["PutObject", "invoke", "DeleteObject"])
def test_two_who_replay_at_once_send_each_record_once(stack, moment):
    stack.reject(*range(1, 6))
    stack.give_up(6, 7)
    others_turn = iter([True])

    def others(request=None):
        if (request is None or request["Bucket"] == "quarantine") and next(others_turn, False):
            stack.replay()

    if moment == "invoke":
        stack.before_invoke = others
    else:
        stack.before(moment, others)
    stack.replay()
    assert stack.delivered == dict.fromkeys("1234567", 1)
    assert stack.archived() == ids(*range(1, 8))
    assert stack.held() == {}


def test_a_post_that_is_forgotten_meanwhile_is_not_sent(stack):
    stack.reject(1, 2)
    (first, _) = stack.aws.keys("quarantine")
    forget = iter([True])

    def forget_first(request):
        if request["Key"] == first and next(forget, False):
            stack.aws.s3.delete_object(Bucket="quarantine", Key=first)

    stack.before("PutObject", forget_first)
    stack.replay()
    assert stack.delivered == {"2": 1}
    assert stack.held() == {}


def test_a_predictor_that_cannot_finish_is_retried_and_changes_nothing(stack):
    stack.reject(1)
    before = stack.held()
    stack.answer = lambda event: {"batchItemFailures": [{"itemIdentifier": "1"}]}
    with pytest.raises(OperatorError, match="unfinished-batches"):
        stack.replay()
    assert stack.held() == before
    assert stack.delivered["1"] == 1 + len(stack.slept) == 6
    stack.answer = lambda event: handler(event, CONTEXT)
    assert stack.replay() == 0


def test_it_goes_on_from_the_first_record_that_is_unfinished(stack):
    stack.give_up(1, 2, 3)
    refused = iter(["2", "3"])

    def answer(event):
        unfinished = next(refused, None)
        return {"batchItemFailures": [{"itemIdentifier": unfinished}] if unfinished else []}

    stack.answer = answer
    assert stack.replay() == 0
    assert stack.delivered == {"1": 1, "2": 2, "3": 3}
    assert stack.slept == []


def crash_on(*numbers):
    def answer(event):
        if {record["kinesis"]["sequenceNumber"] for record in event["Records"]} & set(numbers):
            raise MemoryError
        return handler(event, CONTEXT)

    return answer


def test_a_record_that_crashes_the_predictor_stays_and_the_rest_is_done(stack):
    key = stack.give_up(1, 2, 3, 4)
    stack.reject(5)
    stack.answer = crash_on("3")
    assert stack.replay() == 1
    assert stack.archived() == ids(1, 2, 4, 5)
    assert "The predictor fails on records that stay: MemoryError 1." in stack.shown
    left = json.loads(stack.aws.body("quarantine", key))
    assert left["KinesisBatchInfo"]["batchSize"] == 1
    stack.delivered.clear()
    stack.answer = lambda event: handler(event, CONTEXT)
    assert stack.replay() == 0
    assert stack.delivered == {"3": 1}
    assert stack.archived() == ids(1, 2, 3, 4, 5)


def test_a_predictor_that_fails_on_everything_is_soon_left_in_peace(stack):
    stack.give_up(*range(1, 101))
    before = stack.held()
    stack.answer = crash_on(*map(str, range(1, 101)))
    with pytest.raises(OperatorError, match=r"fails on one record after another \(MemoryError\)"):
        stack.replay()
    assert len(stack.sizes) < 20
    assert [json.loads(body) for body in stack.held().values()] == [
        json.loads(body) for body in before.values()
    ]


def test_an_invocation_has_one_shard_and_keeps_to_the_limits(stack):
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


def test_only_what_was_asked_for_is_sent(stack):
    stack.reject(1, arrived=NOW - timedelta(days=2))
    stack.reject(2, arrived=NOW - timedelta(minutes=2))
    stack.reject(3, text="")
    stack.give_up(4, arrived=NOW - timedelta(days=2))
    stack.give_up(5)
    since = (NOW - timedelta(hours=1)).isoformat()
    until = (NOW - timedelta(minutes=1)).isoformat()
    stack.replay(selection=selection_of(["text_too_long"], since, until))
    assert stack.delivered == {"2": 1}
    stack.replay(selection=selection_of(["text_too_long", "RecordAgeExceeded"], None, since))
    assert stack.delivered == {"2": 1, "1": 1, "4": 1}
    stack.replay(selection=selection_of([], until, None))
    assert stack.delivered == {"2": 1, "1": 1, "4": 1, "3": 1, "5": 1}


@pytest.mark.parametrize("moments", [("", None), (None, "")])
def test_an_empty_moment_is_refused_and_not_taken_for_all_time(moments):
    with pytest.raises(OperatorError, match="is ''; give an ISO 8601 moment"):
        selection_of([], *moments)


def test_days_that_were_not_asked_for_are_not_even_read(stack):
    for days in range(4):
        stack.reject(days + 1, arrived=NOW - timedelta(days=days))
    read = []
    stack.before("GetObject", lambda request: read.append(request["Key"]))
    midnight = NOW.replace(hour=0, minute=0, second=0, microsecond=0)
    since, until = midnight - timedelta(days=2), midnight - timedelta(days=1, seconds=1)
    stack.replay(execute=False, selection=Selection(since=since, until=until))
    assert [key.split("/")[1] for key in read] == [quarantine.day(since)]


def test_a_reason_that_nothing_has_is_answered_with_those_that_there_are(stack):
    stack.reject(1)
    stack.give_up(2)
    assert stack.replay("text_to_long") == 0
    assert "There is nothing to replay." in stack.shown
    assert (
        "Nothing is there for 'text_to_long'; there are RecordAgeExceeded, text_too_long."
        in stack.shown
    )
    assert stack.delivered == {}


def test_what_cannot_be_read_stays_and_is_named_and_holds_nothing_up(stack):
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


def test_an_object_keeps_what_it_says_of_itself_when_it_is_given_back(stack):
    stack.reject(1)
    (key,) = stack.aws.keys("quarantine")
    stack.answer = crash_on("1")
    stack.replay()
    head = stack.aws.s3.head_object(Bucket="quarantine", Key=key)
    assert head["ContentType"] == "application/json"
    entry = json.loads(stack.aws.body("quarantine", key))
    assert base64.b64decode(entry["payload_base64"]) == streamed(1, f"{MARKER} and more words").data


def test_what_it_says_holds_no_text(stack):
    stack.reject(1, 2)
    stack.give_up(3)
    stack.answer = crash_on("3")
    stack.replay(execute=False)
    said = stack.shown
    stack.replay()
    assert MARKER not in said + stack.shown


def test_a_permission_that_is_missing_ends_it_with_what_was_done_by_then(stack):
    stack.reject(1)
    stack.give_up(2)

    def deny(request):
        if request["Key"].startswith("aws/lambda/"):
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": ""}}, "PutObject")

    stack.before("PutObject", deny)
    with pytest.raises(ClientError, match="AccessDenied"):
        stack.replay()
    assert ("quarantine", "text_too_long", "1", "1", "0") in rows_of(stack.shown)
    assert ("failed batches", "RecordAgeExceeded", "1", "0", "1") in rows_of(stack.shown)


@pytest.mark.parametrize("width", [20, 40])
def test_a_narrow_terminal_is_no_obstacle(stack, width):
    stack.reject(1)
    stack.give_up(2)
    stack.replay(execute=False, width=width)
    said = stack.shown
    stack.replay(width=width)
    assert all(len(line) <= width for line in (said + stack.shown).splitlines())
    if width == 40:
        assert re.search(r"1 │ *1 │ *0 │", stack.shown)
