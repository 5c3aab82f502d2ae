import json
import math
from codecs import BOM_UTF8

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stresswatch.contracts import labelled_posts
from stresswatch.contracts.labelled_posts import (
    LabelledPost,
    labelled_post_record,
    parse_labelled_post,
)
from stresswatch.contracts.posts import (
    NUMERIC_FEATURES,
    TEXT_REMOVED,
    InvalidPost,
    parse_post,
    post_record,
)
from stresswatch.text.normalisation import MAXIMUM_TEXT_LENGTH

GOOD = {"post_id": "p1", "text": "I cannot sleep", "lex_liwc_Tone": 12.5, "sentiment": -1}


def encode(record: object) -> bytes:
    return json.dumps(record).encode()


def reason(data: bytes) -> str:
    with pytest.raises(InvalidPost) as caught:
        parse_post(data, "0")
    return caught.value.reason


def test_numeric_features_are_in_contract_order():
    post = parse_post(encode(GOOD | {"source": "ptsd", "created_at": "2026-11-23T10:00:00Z"}))
    assert post.numbers[0] == 12.5
    assert post.numbers[4] == -1.0
    assert all(math.isnan(number) for number in post.numbers[1:4])
    assert (post.source, post.created_at) == ("ptsd", "2026-11-23T10:00:00Z")


def test_a_record_without_post_id_gets_one_from_its_position():
    assert parse_post(encode({"text": "hello"}), "4958").post_id == "4958"


def test_a_byte_order_mark_before_the_record_is_ignored():
    assert parse_post(BOM_UTF8 + encode(GOOD)) == parse_post(encode(GOOD))


def test_unknown_fields_are_ignored():
    assert parse_post(encode(GOOD | {"label": 7, "extra": {"a": [1]}})).post_id == "p1"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\xff\xfe{}", "not_utf8"),
        (b"", "not_json"),
        (b"{", "not_json"),
        (b"[" * 100_000, "not_json"),
        (b"[1]", "not_an_object"),
        (b"null", "not_an_object"),
        (encode({"post_id": "p"}), "text_missing"),
        (encode(GOOD | {"text": None}), "text_missing"),
        (encode(GOOD | {"text": 5}), "text_invalid"),
        (encode(GOOD | {"text": ""}), "text_empty"),
        (encode(GOOD | {"text": " \n\t"}), "text_empty"),
        (encode(GOOD | {"text": "\N{ZERO WIDTH SPACE}\ufeff "}), "text_empty"),
        (encode(GOOD | {"text": "&nbsp;\n&#x200B;"}), "text_empty"),
        (encode(GOOD | {"text": "[removed]"}), TEXT_REMOVED),
        (encode(GOOD | {"text": "\\[ Deleted by user \\]"}), TEXT_REMOVED),
        (encode(GOOD | {"text": "a" * (MAXIMUM_TEXT_LENGTH + 1)}), "text_too_long"),
        (encode(GOOD | {"text": "half a pair \ud800"}), "not_unicode"),
        (encode(GOOD | {"sentiment": float("nan")}), "number_not_finite"),
        (encode(GOOD | {"sentiment": float("-inf")}), "number_not_finite"),
        (encode(GOOD | {"sentiment": 10**400}), "number_not_finite"),
        (encode(GOOD | {"sentiment": "0.5"}), "number_invalid"),
        (encode(GOOD | {"sentiment": True}), "number_invalid"),
        (encode(GOOD | {"post_id": 17}), "post_id_invalid"),
        (encode(GOOD | {"post_id": ""}), "post_id_invalid"),
        (encode(GOOD | {"post_id": "x" * 257}), "post_id_invalid"),
    ],
)
def test_an_invalid_record_is_rejected_with_its_reason(data, expected):
    assert reason(data) == expected


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("created_at", "yesterday"),
        ("created_at", 20261123),
        ("created_at", 1e300),
        ("created_at", True),
        ("created_at", ["2026-11-23"]),
        ("created_at", "2026-11-23T10:00:00." + "1" * 99),
        ("created_at", "2026-11-23\ud80010:00:00"),
        ("created_at", "1521614353 or so"),
        ("source", ["a"]),
        ("source", 0.5),
        ("source", 10**400),
        ("source", " "),
        ("source", "x" * 257),
        ("source", "half a pair \ud800"),
        ("reasons", "perhaps"),
        ("reasons", 2),
        ("reasons", []),
    ],
)
def test_an_invalid_optional_field_is_dropped_and_the_post_kept(field, value):
    post = parse_post(encode(GOOD | {field: value}))
    assert post.dropped == (field,)
    assert post._replace(dropped=()) == parse_post(encode(GOOD))


@pytest.mark.parametrize("empty", [None, ""])
@pytest.mark.parametrize("field", ["created_at", "source", "reasons"])
def test_an_empty_optional_field_counts_as_missing(field, empty):
    assert parse_post(encode(GOOD | {field: empty})) == parse_post(encode(GOOD))


@pytest.mark.parametrize(
    ("created_at", "read"),
    [
        (1521614353, "2018-03-21T06:39:13+00:00"),
        (1521614353.0, "2018-03-21T06:39:13+00:00"),
        ("1521614353", "2018-03-21T06:39:13+00:00"),
        (1521614353000, "2018-03-21T06:39:13+00:00"),
        ("1521614353250", "2018-03-21T06:39:13.250000+00:00"),
        (1521614353000000, "2018-03-21T06:39:13+00:00"),
        (1521614353000000000, "2018-03-21T06:39:13+00:00"),
        ("1712121012359", "2024-04-03T05:10:12.359000+00:00"),  # Python reads it as of 1712
        ("20180321", "20180321"),
        ("2018-03-21T06:39:13.123456789+01:00", "2018-03-21T06:39:13.123456789+01:00"),
    ],
)
def test_epoch_values_are_converted_to_timestamps(created_at, read):
    assert parse_post(encode(GOOD | {"created_at": created_at})).created_at == read


@pytest.mark.parametrize(("source", "read"), [(7, "7"), (7.0, "7"), ("r/7", "r/7")])
def test_a_whole_number_is_read_as_a_source_name(source, read):
    assert parse_post(encode(GOOD | {"source": source})).source == read


@pytest.mark.parametrize("reasons", [True, "true", " TRUE", 1, "1"])
def test_reasons_can_be_requested_by_any_form_of_true(reasons):
    assert parse_post(encode(GOOD | {"reasons": reasons})).asks_reasons


def test_a_text_of_the_maximum_length_is_accepted():
    assert len(parse_post(encode(GOOD | {"text": "a" * MAXIMUM_TEXT_LENGTH})).text) == 40_000


@pytest.mark.parametrize("field", ["text", "post_id", "sentiment"])
def test_a_rejection_never_quotes_the_producers_data(field):
    marker = "private-words" * 30_000
    with pytest.raises(InvalidPost) as caught:
        parse_post(encode({"text": "x"} | {field: marker}))
    assert "private-words" not in str(caught.value)


@pytest.mark.parametrize("label", [None, 2, -1, "1", True, 0.5])
def test_a_label_other_than_0_or_1_is_rejected(label):
    with pytest.raises(InvalidPost, match="label_invalid"):
        parse_labelled_post(encode(GOOD | {"label": label}))


def test_a_removed_labelled_post_is_rejected_with_the_same_reason():
    with pytest.raises(InvalidPost) as caught:
        parse_labelled_post(encode(GOOD | {"label": 0, "text": "[deleted]"}))
    assert caught.value.reason == TEXT_REMOVED


@pytest.mark.parametrize(
    "text", ["I wrote [deleted] there", "[Rant] hello", "\u200bhello", "&lt;3"]
)
def test_a_post_keeps_its_text_as_it_was_sent(text):
    assert parse_post(encode(GOOD | {"text": text})).text == text


def test_label_columns_are_the_post_id_and_label_fields():
    labelled = LabelledPost(parse_post(encode(GOOD), "0"), 1, "2026-11-23T00:00:00Z")
    own = labelled_post_record(labelled).keys() - post_record(labelled.post).keys()
    assert {*labelled_posts.COLUMNS} == {"post_id", *own}


@pytest.mark.parametrize("confidence", [-0.01, -1, 1.01, float("nan")])
def test_a_confidence_outside_zero_to_one_is_rejected(confidence):
    with pytest.raises(InvalidPost, match=r"confidence_invalid|number_not_finite"):
        parse_labelled_post(encode(GOOD | {"label": 1, "confidence": confidence}))


def test_confidence_defaults_to_1_and_a_given_one_is_kept():
    whole = parse_labelled_post(encode(GOOD | {"label": 1}))
    assert parse_labelled_post(encode(GOOD | {"label": 1, "confidence": 0})).confidence == 0
    unsure = parse_labelled_post(encode(GOOD | {"label": 1, "confidence": 0.6}))
    nothing = parse_labelled_post(encode(GOOD | {"label": 1, "confidence": 0}))
    assert (whole.confidence, unsure.confidence, nothing.confidence) == (1.0, 0.6, 0.0)
    assert labelled_post_record(nothing)["confidence"] == 0
    assert parse_labelled_post(encode(labelled_post_record(unsure))) == unsure


def test_a_confidence_of_0_is_valid_and_preserved():
    unweighted = parse_labelled_post(encode(GOOD | {"label": 1, "confidence": 0}))
    assert unweighted.confidence == 0
    written = encode(labelled_post_record(unweighted))
    assert parse_labelled_post(written) == unweighted


@given(st.binary())
def test_arbitrary_bytes_parse_or_raise_invalid_post(data):
    try:
        parse_post(data, "0")
    except InvalidPost as error:
        assert error.reason
        assert error.detail


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(
    st.dictionaries(
        st.sampled_from(["post_id", "text", "created_at", "source", "reasons", *NUMERIC_FEATURES]),
        JSON_VALUES,
    )
)
def test_every_parsed_post_round_trips(record):
    try:
        post = parse_post(encode(record), "0")
    except InvalidPost:
        return
    again = parse_post(encode(post_record(post)))
    assert repr(again) == repr(post)
