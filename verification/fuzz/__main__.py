"""Whatever bytes come, the predictor answers: a post is predicted, anything else is quarantined.

``python -m verification.fuzz [--inputs N] [--seed N] [--json]`` feeds the predictor's handler
records that are random bytes, posts with bytes changed, cut, doubled or crossed, and objects of odd
values. Each must come to exactly one prediction, whose message and archive row are plain, short
JSON, or to one quarantined record with the payload as it came.

``--envelopes N`` feeds it as many events with something changed around the records, and events of
other services. Each must be answered, with one prediction or quarantined record for each record, or
refused by one short error of ours before anything is written; and no text of a post is in an error
or in the log.

Exits with 1 at the first batch or event that breaks this, and says with which seed it comes again.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import json
import logging
import random
import resource
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any
from unittest.mock import patch

from cli.data.synthetic import generate_posts
from lambdas.predictor import handler as predictor_module
from local.event_source_mapping.batching import Record
from local.event_source_mapping.invocation import Source, kinesis_event
from stresswatch.contracts.identity import KEY_LENGTH
from stresswatch.contracts.posts import NUMERIC_FEATURES, post_record
from stresswatch.contracts.reasons import ReasonsPolicy
from stresswatch.streaming.kinesis_event import InvalidEvent
from stresswatch.versions.champion import ChampionCache, ServedModel
from verification.faults.posts import MARKER, valid_posts
from verification.faults.runner import models
from verification.faults.simulation import Model, quiet, without_threads
from verification.faults.stores import Buckets
from verification.fuzz import envelopes
from verification.lambda_context import CONTEXT

BATCH_SIZE = 50
LONGEST_LINE = 8 * 1024
"""Characters of a message or archive row, beside which a post's names are short."""
LONGEST_ERROR = 200
"""Characters of what an event is refused with."""

_SOURCE = Source(
    "arn:aws:kinesis:us-east-1:123456789012:stream/posts",
    "shardId-000000000000",
    "arn:aws:iam::123456789012:role/predictor",
)
_POSTS = [json.dumps(post_record(one.post)).encode() for one in generate_posts(5)[:300]]
_FIELDS = ("post_id", "text", "created_at", "source", "reasons", *NUMERIC_FEATURES, "surplus")
_TOKENS = (
    b"", b"\x00", b"\xff", b"\xed\xa0\x80", b"\\ud800", b"\\u0000", b"\\", b'"', b"{", b"}", b"[",
    b"]", b",", b":", b"null", b"true", b"NaN", b"-Infinity", b"1e999", b"-0", b"9" * 5000,
    b"[" * 2000, b" " * 2000, "\N{PILE OF POO}".encode() * 100, b"\xef\xbb\xbf", b"\r\n",
)  # fmt: skip

_SIGNS = [*range(0x80, 0xD800), *range(0xE000, 0x20000)]
_ODD_TEXTS = [
    json.dumps(text) for text in ("words", "", " ", "a" * 257, "w" * 40_001, "\ud800", "\x00")
]
_ODD_NUMBERS = [repr(number) for number in (0, -1, 1e308, 5e-324, 10**400, 0.1)]
_ODD_CONSTANTS = ("null", "true", "false", "NaN", "Infinity", "[]", "{}", '[["a"]]')


class Broken(AssertionError):
    """A batch did not come to what it must."""


@dataclass(frozen=True)
class Report:
    """What was fed, and what came of it."""

    inputs: int
    seed: int
    predicted: int
    quarantined: dict[str, int]
    slowest_batch_seconds: float
    peak_mb_at_a_tenth: float
    peak_mb: float
    seconds: float


@dataclass(frozen=True)
class EnvelopeReport:
    """What became of events with something changed in them."""

    events: int
    seed: int
    answered: int
    refused: int
    peak_mb: float
    seconds: float


class _Stream:
    def __init__(self) -> None:
        self.messages: list[bytes] = []

    def put_records(self, *, StreamName: str, Records: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - boto3's names
        self.messages += [record["Data"] for record in Records]
        return {"Records": [{"ShardId": StreamName, "SequenceNumber": "1"} for _ in Records]}


class Bench:
    """The predictor's handler over stores that are emptied before each batch."""

    def __init__(self, model: Model):
        self._buckets = Buckets()
        self._stream = _Stream()
        served = ServedModel(model.pointer, model.artefact)
        stores: dict[str, Any] = {"s3": self._buckets, "kinesis": self._stream}
        self._predictor = predictor_module.Predictor(
            champion=ChampionCache(lambda: served.pointer, lambda _: served, 3600, _fail),
            predictions_stream="predictions",
            archive_bucket="archive",
            quarantine_bucket="quarantine",
            explains=ReasonsPolicy.ON_REQUEST,
            read_key=lambda: b"k" * KEY_LENGTH,
            **stores,
        )

    def feed(self, inputs: list[bytes]) -> Counter[str]:
        """Have a batch handled; return how many were predicted, and how many refused by reason.

        Raises
        ------
        Broken
            When one of them came to something else, or the handler did not answer.
        """
        records = [
            Record(str(place), "key", data, 1_800_000_000.5) for place, data in enumerate(inputs)
        ]
        try:
            self._handle(kinesis_event(records, _SOURCE))
        except InvalidEvent as error:
            raise Broken(f"the handler broke: {error}") from error
        quarantined = self._quarantined()
        predicted = [place for place in range(len(inputs)) if place not in quarantined]
        messages = [_plain(message) for message in self._stream.messages]
        rows = [_plain(line) for line in self._archived()]
        for lines, name in ((messages, "on the stream"), (rows, "in the archive")):
            _require(len(lines) == len(predicted), f"other than one prediction a post {name}")
            _require(all(0 <= line["probability"] <= 1 for line in lines), f"no probability {name}")
        for place, item in quarantined.items():
            payload = base64.b64decode(item["payload_base64"])
            _require(payload == inputs[place], "a payload in quarantine is not what came")
        reasons = Counter(item["reason"] for item in quarantined.values())
        return reasons + Counter(predicted=len(predicted))

    def feed_event(self, event: Any) -> bool:
        """Have an event handled, whatever it is; return whether it was answered, not refused.

        Raises
        ------
        Broken
            When it was answered by halves, or refused other than it must be.
        """
        try:
            self._handle(event)
        except InvalidEvent as error:
            written = "".join(traceback.format_exception(error))
            _require(MARKER not in written, "a refusal quotes the event")
            _require(len(str(error)) <= LONGEST_ERROR, "a refusal is too long")
            left = bool(self._buckets.puts or self._stream.messages)
            _require(not left, "an event that is refused left something")
            return False
        quarantined = sum(bucket == "quarantine" for bucket, _, _ in self._buckets.puts)
        settled = quarantined + len(self._stream.messages)
        _require(settled == len(event["Records"]), "other than one outcome a record")
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
        _require(answer == {"batchItemFailures": []}, "the handler wants the batch again")

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


def _require(holds: bool, sentence: str) -> None:
    if not holds:
        raise Broken(sentence)


def _plain(line: bytes) -> dict[str, Any]:
    """Read a line that any JSON reader must be able to read and any UTF-8 writer to write again."""
    _require(len(line) <= LONGEST_LINE, "a message or row is too long")
    try:
        record: dict[str, Any] = json.loads(line, parse_constant=_no_number)
        json.dumps(record, ensure_ascii=False).encode("utf-8")
    except ValueError as error:
        raise Broken("a message or row is no plain JSON") from error
    return record


def _no_number(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def draw(chance: random.Random) -> bytes:
    """Draw one input."""
    return chance.choice(_STRATEGIES)(chance)


def _noise(chance: random.Random) -> bytes:
    return chance.randbytes(chance.choice((0, 1, 2, 10, 100, 1000)))


def _changed(chance: random.Random) -> bytes:
    """Change a post in a few places, byte by byte or by what means something to a reader."""
    data = bytearray(chance.choice(_POSTS))
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(data) + 1)
        until = min(len(data), at + chance.choice((0, 0, 1, 1, 2, 8)))
        data[at:until] = chance.choice((chance.randbytes(1), chance.choice(_TOKENS)))
    return bytes(data)


def _cut(chance: random.Random) -> bytes:
    data = chance.choice(_POSTS)
    return data[chance.randrange(3) : chance.randrange(len(data) + 1)]


def _crossed(chance: random.Random) -> bytes:
    left, right = chance.choice(_POSTS), chance.choice(_POSTS)
    return left[: chance.randrange(len(left))] + right[chance.randrange(len(right)) :]


def _odd(chance: random.Random) -> bytes:
    """Make a JSON object whose fields hold odd values, some of them twice."""
    fields = chance.choices(_FIELDS, k=chance.randint(1, 8))
    pairs = [f"{json.dumps(field)}: {_value(chance)}" for field in ("text", *fields)]
    return ("{" + ", ".join(pairs) + "}").encode()


def _strange(chance: random.Random) -> bytes:
    """Make a post of any letters of any script, among words that the model knows."""
    signs = map(chr, chance.choices(_SIGNS, k=chance.choice((1, 10, 100))))
    text = "".join(chance.choices((*signs, " panic ", "'", "I can't ", "!?", "...", "\n"), k=200))
    return json.dumps({"text": text, "reasons": chance.random() < 0.05}).encode()


def _value(chance: random.Random) -> str:
    kind = chance.randrange(5)
    if kind == 0:
        return chance.choice(_ODD_TEXTS)
    if kind == 1:
        return json.dumps(_moment(chance))
    if kind == 2:
        return json.dumps("".join(map(chr, chance.choices(range(0x110000), k=20))))
    return chance.choice(_ODD_NUMBERS if kind == 3 else _ODD_CONSTANTS)


def _moment(chance: random.Random) -> str:
    """Return what is almost a moment: readers of ISO 8601 let strange separators pass."""
    between = chance.choice(("T", " ", "\ud800", "\x00", "\N{PILE OF POO}"))
    rest = chance.choice(("", "Z", "+99:99", ".5", "." + "1" * 20_000))
    return f"{chance.randrange(10_000):04}-01-01{between}12:00:00{rest}"


_STRATEGIES: tuple[Callable[[random.Random], bytes], ...] = (
    _noise, _changed, _cut, _crossed, _odd, _strange,
)  # fmt: skip


@contextmanager
def bench() -> Iterator[Bench]:
    """Return a bench whose log goes nowhere."""
    with quiet(), without_threads():
        yield Bench(models()[0])


def fuzz(inputs: int, seed: int) -> Report:
    """Feed so many inputs.

    Raises
    ------
    Broken
        With the batch's own seed in its message.
    """
    counted: Counter[str] = Counter()
    slowest, early_peak, began = 0.0, 0.0, time.perf_counter()
    with bench() as predictor:
        for first in range(0, inputs, BATCH_SIZE):
            chance = random.Random(f"{seed} {first}")  # noqa: S311 - no secret
            batch = [draw(chance) for _ in range(min(BATCH_SIZE, inputs - first))]
            started = time.perf_counter()
            try:
                counted += predictor.feed(batch)
            except Broken as error:
                error.add_note(f"batch {first // BATCH_SIZE} of --seed {seed} --inputs {inputs}")
                raise
            slowest = max(slowest, time.perf_counter() - started)
            if first < inputs / 10:
                early_peak = _peak_mb()
    predicted = counted.pop("predicted", 0)
    return Report(
        inputs=inputs,
        seed=seed,
        predicted=predicted,
        quarantined=dict(sorted(counted.items())),
        slowest_batch_seconds=slowest,
        peak_mb_at_a_tenth=early_peak,
        peak_mb=_peak_mb(),
        seconds=time.perf_counter() - began,
    )


def fuzz_envelopes(events: int, seed: int) -> EnvelopeReport:
    """Feed so many events.

    Raises
    ------
    Broken
        With the event's own seed in its message, but for what is found in the log at the end.
    """
    began = time.perf_counter()
    payloads = [data for data, _ in valid_posts(seed=5)]
    answered = 0
    with quiet() as log, without_threads():
        predictor = Bench(models()[0])
        for place in range(events):
            chance = random.Random(f"envelope {seed} {place}")  # noqa: S311 - no secret
            try:
                answered += predictor.feed_event(envelopes.draw(chance, payloads, _SOURCE))
            except Broken as error:
                error.add_note(f"event {place} of --seed {seed} --envelopes {events}")
                raise
        log.seek(0)
        _require(not any(MARKER in line for line in log), "a post's text is in the log")
    return EnvelopeReport(
        events=events,
        seed=seed,
        answered=answered,
        refused=events - answered,
        peak_mb=_peak_mb(),
        seconds=time.perf_counter() - began,
    )


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Fuzz, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--envelopes", type=int, help="as many events instead of payloads")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    arguments = parser.parse_args()
    logging.disable()
    try:
        if arguments.envelopes:
            report = asdict(fuzz_envelopes(arguments.envelopes, arguments.seed))
        else:
            report = asdict(fuzz(arguments.inputs, arguments.seed))
    except Broken as error:
        sys.exit("; ".join([f"broken: {error}", *getattr(error, "__notes__", [])]))
    if arguments.json:
        json.dump(report, sys.stdout, indent=2)
    else:
        for name, value in report.items():
            print(f"{name.replace('_', ' ')}: {value}")  # noqa: T201 - the benchmark's output


if __name__ == "__main__":
    main()
