"""The predictor survives all bytes and envelopes, and a broken predictor is detected."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.predictor import handler
from stresswatch.contracts import optional_fields, predictions
from stresswatch.contracts.posts import NUMERIC_FEATURES
from stresswatch.contracts.predictions import Record
from stresswatch.model import predict
from stresswatch.streaming import kinesis_event
from stresswatch.streaming.kinesis_event import InvalidEvent
from verification.fuzz.__main__ import fuzz, fuzz_envelopes
from verification.fuzz.predictor import Broken, fuzzed_predictor

pytestmark = pytest.mark.filterwarnings("ignore:No application metrics to publish")


@pytest.fixture(scope="module")
def predictor():
    with fuzzed_predictor() as predictor:
        yield predictor


def test_ten_thousand_inputs_are_each_predicted_or_quarantined():
    report = fuzz(10_000, seed=1)
    assert report.predicted + sum(report.quarantined.values()) == 10_000
    assert report.predicted > 1_000
    assert len(report.quarantined) > 10


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=5,
)
FIELD = st.sampled_from(["post_id", "text", "created_at", "source", "reasons", *NUMERIC_FEATURES])
RECORD = st.binary() | (
    (JSON | st.dictionaries(FIELD, JSON, min_size=1)).map(lambda value: json.dumps(value).encode())
)


@given(st.lists(RECORD, min_size=1, max_size=20))
def test_any_batch_is_predicted_or_quarantined(predictor, batch):
    assert predictor.feed(batch).total() == len(batch)


def test_an_oversized_message_or_row_is_detected(predictor, monkeypatch):
    long_moment = {"text": "words", "created_at": "2026-11-23T10:00:00." + "1" * 20_000}
    assert predictor.feed([json.dumps(long_moment).encode()]) == {"predicted": 1}
    monkeypatch.setattr(optional_fields, "MAXIMUM_MOMENT_LENGTH", 10**6)
    with pytest.raises(Broken, match="too long"):
        predictor.feed([json.dumps(long_moment).encode()])


def chokes_on_a_sign(patch):
    share = predict.non_letter_share

    def choke(text):
        if not text.isascii():
            raise ValueError("not ASCII")
        return share(text)

    patch(predict, "non_letter_share", choke)


def forgets_a_post(patch):
    read = predictions.read_records
    patch(handler, "read_records", lambda records: read(records[1:]))


@pytest.mark.parametrize(
    ("breach", "sentence"),
    [
        (chokes_on_a_sign, "the handler broke"),
        (forgets_a_post, "other than one prediction a post"),
    ],
)
def test_a_broken_predictor_is_detected(monkeypatch, breach, sentence):
    breach(monkeypatch.setattr)
    with pytest.raises(Broken, match=sentence) as broken:
        fuzz(2_000, seed=1)
    assert "--seed 1" in broken.value.__notes__[0]


def test_malformed_events_are_answered_per_record_or_rejected():
    report = fuzz_envelopes(5_000, seed=1)
    assert report.answered > 1_000
    assert report.refused > 1_000


def trusts_the_envelope(patch):
    def read(event):
        return [
            Record(
                base64.b64decode(item["kinesis"]["data"]),
                item["eventSourceARN"].rpartition("/")[2],
                item["eventID"].partition(":")[0],
                item["kinesis"]["sequenceNumber"],
                item["kinesis"]["approximateArrivalTimestamp"],
            )
            for item in event["Records"]
        ]

    patch(handler, "read_event", read)


def refuses_with(refusal):
    read = kinesis_event.read_event

    def attempt(event):
        try:
            return read(event)
        except InvalidEvent:
            raise refusal(event) from None

    return lambda patch: patch(handler, "read_event", attempt)


def quotes(event):
    return InvalidEvent(str(event)[-100:])


def goes_on_for_long(_event):
    return InvalidEvent("?" * 1000)


def chains_what_a_library_said(patch):
    read = kinesis_event.read_event

    def attempt(event):
        try:
            return read(event)
        except InvalidEvent:
            raise InvalidEvent("odd") from ValueError(f"cannot read {event}")

    patch(handler, "read_event", attempt)


def leaves_out_what_is_odd(patch):
    def read(event):
        try:
            return kinesis_event.read_event(event)[:1]
        except InvalidEvent:
            return []

    patch(handler, "read_event", read)


def logs_the_event(patch):
    read = kinesis_event.read_event

    def log(event):
        handler.logger.info("read", event=event)
        return read(event)

    patch(handler, "read_event", log)


@pytest.mark.parametrize(
    ("breach", "sentence"),
    [
        (trusts_the_envelope, "the handler broke"),
        (refuses_with(quotes), "a refusal quotes the event"),
        (chains_what_a_library_said, "a refusal quotes the event"),
        (refuses_with(goes_on_for_long), "a refusal is too long"),
        (leaves_out_what_is_odd, "the handler broke|other than one outcome a record"),
        (logs_the_event, "text is in the log"),
    ],
)
def test_a_predictor_that_trusts_or_quotes_envelopes_is_detected(monkeypatch, breach, sentence):
    breach(monkeypatch.setattr)
    with pytest.raises(Broken, match=sentence):
        fuzz_envelopes(500, seed=1)
