"""The predictor's handler over in-memory stores, with checks of its results."""

from __future__ import annotations

import base64
import gzip
import json
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from lambdas.predictor import handler as predictor_module
from local.event_source_mapping.batching import ShardRecord
from local.event_source_mapping.invocation import Source, kinesis_event
from stresswatch.contracts.identity import KEY_LENGTH
from stresswatch.contracts.reasons import ReasonsPolicy
from stresswatch.streaming.kinesis_event import InvalidEvent
from stresswatch.versions.champion import ChampionCache, ServedModel
from verification.faults.in_process import quiet, without_threads
from verification.faults.posts import MARKER
from verification.faults.runner import models
from verification.faults.simulation import Model
from verification.faults.stores import Buckets
from verification.lambda_context import CONTEXT

LONGEST_LINE = 8 * 1024
"""Maximum characters of a message or archive row; a post's names are short in comparison."""
LONGEST_ERROR = 200
"""Maximum characters of an error that rejects an event."""

SOURCE = Source(
    "arn:aws:kinesis:us-east-1:123456789012:stream/posts",
    "shardId-000000000000",
    "arn:aws:iam::123456789012:role/predictor",
)


class Broken(AssertionError):
    """A batch has a wrong result."""


class _Stream:
    def __init__(self) -> None:
        self.messages: list[bytes] = []

    def put_records(self, *, StreamName: str, Records: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - boto3's names
        self.messages += [record["Data"] for record in Records]
        return {"Records": [{"ShardId": StreamName, "SequenceNumber": "1"} for _ in Records]}


class FuzzedPredictor:
    """The predictor's handler over stores, which are emptied before each batch."""

    def __init__(self, model: Model):
        self._buckets = Buckets()
        self._stream = _Stream()
        served = ServedModel(model.pointer, model.artefact)
        stores: dict[str, Any] = {"s3": self._buckets, "kinesis": self._stream}
        self._predictor = predictor_module.Predictor(
            stage="dev",
            champion=ChampionCache(lambda: served.pointer, lambda _: served, 3600, _fail),
            predictions_stream="predictions",
            archive_bucket="archive",
            quarantine_bucket="quarantine",
            explains=ReasonsPolicy.ON_REQUEST,
            read_key=lambda: b"k" * KEY_LENGTH,
            **stores,
        )

    def feed(self, inputs: list[bytes]) -> Counter[str]:
        """Handle a batch; return the numbers of predictions, and of rejections by reason.

        Raises
        ------
        Broken
            When a record has another result, or the handler did not answer.
        """
        records = [
            ShardRecord(str(place), "key", data, 1_800_000_000.5)
            for place, data in enumerate(inputs)
        ]
        try:
            self._handle(kinesis_event(records, SOURCE))
        except InvalidEvent as error:
            raise Broken(f"the handler broke: {error}") from error
        quarantined = self._quarantined()
        predicted = [place for place in range(len(inputs)) if place not in quarantined]
        messages = [_plain(message) for message in self._stream.messages]
        rows = [_plain(line) for line in self._archived()]
        for lines, name in ((messages, "on the stream"), (rows, "in the archive")):
            require(len(lines) == len(predicted), f"other than one prediction a post {name}")
            require(all(0 <= line["probability"] <= 1 for line in lines), f"no probability {name}")
        for place, item in quarantined.items():
            payload = base64.b64decode(item["payload_base64"])
            require(payload == inputs[place], "a payload in quarantine is not what came")
        reasons = Counter(item["reason"] for item in quarantined.values())
        return reasons + Counter(predicted=len(predicted))

    def feed_event(self, event: Any) -> bool:
        """Handle any event; return whether it was answered instead of rejected.

        Raises
        ------
        Broken
            When the answer is incomplete, or the rejection has a wrong form.
        """
        try:
            self._handle(event)
        except InvalidEvent as error:
            written = "".join(traceback.format_exception(error))
            require(MARKER not in written, "a refusal quotes the event")
            require(len(str(error)) <= LONGEST_ERROR, "a refusal is too long")
            left = bool(self._buckets.puts or self._stream.messages)
            require(not left, "an event that is refused left something")
            return False
        quarantined = sum(bucket == "quarantine" for bucket, _, _ in self._buckets.puts)
        settled = quarantined + len(self._stream.messages)
        require(settled == len(event["Records"]), "other than one outcome a record")
        return True

    def _handle(self, event: Any) -> None:
        self._buckets.objects.clear()
        self._buckets.puts.clear()
        self._stream.messages.clear()
        with patch.object(predictor_module, "predictor", lambda: self._predictor):
            try:
                answer = predictor_module.handler(event, CONTEXT)
            except InvalidEvent:
                raise
            except Exception as error:
                raise Broken(f"the handler broke: {error}") from error
        require(answer == {"batchItemFailures": []}, "the handler wants the batch again")

    def _quarantined(self) -> dict[int, dict[str, Any]]:
        items = [
            json.loads(self._buckets.objects["quarantine", key])
            for key in self._buckets.keys("quarantine", "")
        ]
        return {int(item["sequence_number"]): item for item in items}

    def _archived(self) -> Iterator[bytes]:
        for key in self._buckets.keys("archive", ""):
            yield from gzip.decompress(self._buckets.objects["archive", key]).split(b"\n")


def _fail(error: Exception) -> None:
    raise error


def require(holds: bool, sentence: str) -> None:
    if not holds:
        raise Broken(sentence)


def _plain(line: bytes) -> dict[str, Any]:
    """Read a line that must be valid JSON and UTF-8."""
    require(len(line) <= LONGEST_LINE, "a message or row is too long")
    try:
        record: dict[str, Any] = json.loads(line, parse_constant=_no_number)
        json.dumps(record, ensure_ascii=False).encode("utf-8")
    except ValueError as error:
        raise Broken("a message or row is no plain JSON") from error
    return record


def _no_number(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


@contextmanager
def fuzzed_predictor() -> Iterator[FuzzedPredictor]:
    """Return the handler over empty stores, without a log."""
    with quiet(), without_threads():
        yield FuzzedPredictor(models()[0])
