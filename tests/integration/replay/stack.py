"""The predictor, its quarantine, and the command that replays held records."""

import io
import json
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

from rich.console import Console

from cli.deployment.target import Target
from cli.replay.held_objects import Selection
from cli.replay.replay_records import replay
from lambdas.predictor.handler import handler
from local.event_source_mapping.batching import (
    Batch,
    Condition,
    Discard,
    InvocationResult,
    ShardRecord,
)
from local.event_source_mapping.invocation import Source, failure_key, failure_record, kinesis_event
from stresswatch.aws import stack_outputs
from stresswatch.contracts import posts
from stresswatch.contracts.predictions import prediction_id
from stresswatch.storage import archive
from tests.integration.conftest import CONTEXT
from tests.marker import MARKER

NOW = datetime.now(UTC)
SHARD = "shardId-000000000000"
SOURCE = Source("arn:aws:kinesis:us-east-1:123456789012:stream/posts", SHARD, "arn:role")


class Killed(BaseException):
    """The command's process is gone: it reports nothing, and tidies nothing up."""


class Stack:
    """The predictor, its quarantine, and the command that replays held records."""

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
            stack_outputs.QUARANTINE_BUCKET: "quarantine",
            stack_outputs.PREDICTOR_FUNCTION: "predictor",
            stack_outputs.POSTS_STREAM: "posts",
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
        """Make the predictor quarantine valid posts, with too narrow a contract."""
        with self.monkeypatch.context() as narrow:
            narrow.setattr(posts, "MAXIMUM_TEXT_LENGTH", 5)
            records = [streamed(number, text, arrived) for number in numbers]
            handler(kinesis_event(records, SOURCE), CONTEXT)

    def give_up(self, *numbers, text=f"{MARKER} and words", arrived=NOW) -> str:
        """Discard a batch, as the event source mapping does."""
        records = tuple(streamed(number, text, arrived) for number in numbers)
        discard = Discard(
            Batch(records, last_answer=InvocationResult(None, "Unhandled")),
            Condition.RECORD_AGE_EXCEEDED,
        )
        body = failure_record(discard, SOURCE, "arn:function", NOW.timestamp())
        key = failure_key("mapping", SHARD, NOW.timestamp(), uuid.uuid4())
        self.aws.put("quarantine", key, json.dumps(body).encode())
        return key

    def predict(self, *numbers, text=f"{MARKER} and words"):
        """Deliver records by the stream, as before the batch was discarded."""
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
        """Return the prediction ids in the archive reader's rows."""
        day = timedelta(days=1)
        rows = archive.read(self.aws.s3, "archive", NOW - day, NOW + day)
        return sorted(row["prediction_id"] for row in rows)

    def held(self) -> dict[str, bytes]:
        return {key: self.aws.body("quarantine", key) for key in self.aws.keys("quarantine")}

    def before(self, operation, do):
        """Do something before each call of an operation on S3, given its request."""

        def hear(params, **_):
            do(params)  # its return value would replace the request

        self.aws.s3.meta.events.register(f"provide-client-params.s3.{operation}", hear)


def streamed(number, text, arrived=NOW):
    data = json.dumps({"post_id": f"post-{number}", "text": text}).encode()
    return ShardRecord(str(number), "key", data, arrived.timestamp())


def ids(*numbers):
    """Return the prediction ids of records at these positions."""
    return sorted(prediction_id("posts", SHARD, str(number)) for number in numbers)


def rows_of(shown) -> set[tuple[str, ...]]:
    """The table's rows, without its head."""
    lines = [line for line in shown.splitlines() if line.startswith("│")]
    return {tuple(cell.strip() for cell in line.strip("│").split("│")) for line in lines}


def crash_on(*numbers):
    def answer(event):
        if {record["kinesis"]["sequenceNumber"] for record in event["Records"]} & set(numbers):
            raise MemoryError
        return handler(event, CONTEXT)

    return answer
