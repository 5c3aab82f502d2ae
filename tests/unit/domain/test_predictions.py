import json
import math
import re
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stresswatch.contracts.posts import NUMERIC_FEATURES, Post, post_record
from stresswatch.contracts.predictions import (
    TEXT_DESCRIPTORS,
    Prediction,
    ReadText,
    Record,
    encode,
    read_records,
)
from stresswatch.contracts.reasons import Reason, Reasons
from stresswatch.model.predict import non_letter_share, predict
from stresswatch.model.sklearn_export import export_pipeline
from stresswatch.text.normalisation import normalise
from training_jobs.model.fitting import Hyperparameters, fit_pipeline

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def record(data: bytes, sequence_number: str = "1", shard: str = "shardId-0") -> Record:
    return Record(data, "posts", shard, sequence_number, NOW.timestamp())


@pytest.fixture(scope="module")
def artefact(labelled_posts):
    return export_pipeline(fit_pipeline(labelled_posts, Hyperparameters()))


def test_only_a_redelivered_record_has_the_same_prediction_id():
    assert record(b"a").prediction_id == record(b"b").prediction_id
    others = {record(b"a", "2").prediction_id, record(b"a", "1", "shardId-1").prediction_id}
    assert len(others | {record(b"a").prediction_id}) == 3


def test_an_invalid_record_is_rejected_and_its_neighbours_are_read(labelled_posts):
    good = [json.dumps(post_record(post.post)).encode() for post in labelled_posts[:2]]
    posts, rejections = read_records(
        [record(good[0], "1"), record(b"{", "2"), record(good[1], "3")]
    )
    assert [read.sequence_number for read, _ in posts] == ["1", "3"]
    assert [(r.record.sequence_number, r.reason) for r in rejections] == [("2", "not_json")]


def test_posts_that_share_a_post_id_are_each_predicted(artefact):
    posts = [("a", Post("same", "panic", (1.0,) * 5)), ("b", Post("same", "calm", (2.0,) * 5))]
    predictions = predict(posts, artefact, "v1", NOW.isoformat())
    assert [prediction.prediction_id for prediction in predictions] == ["a", "b"]


def test_a_prediction_and_its_archive_row_omit_the_text(artefact):
    post = Post("p", "secretword tells it", (1.0, float("nan"), 3.0, 4.0, 0.5), None, "ptsd")
    (prediction,) = predict([("id", post)], artefact, "v1", NOW.isoformat())
    row = prediction.archive_row()
    assert "secretword" not in json.dumps(row)
    assert row["lex_liwc_i"] is None
    assert row["source"] == "ptsd"
    assert row["text_length"] == len(post.text)
    assert row["stressed"] == (row["probability"] >= 0.5)
    assert json.loads(json.dumps(row, allow_nan=False)) == row


def test_the_text_digest_is_archived_but_absent_from_the_message(artefact):
    post = Post("p", "words", (1.0, 2.0, 3.0, 4.0, 0.5))
    (prediction,) = predict(
        [("id", post)],
        artefact,
        "v1",
        "now",
        read_texts=[ReadText(normalise(post.text), "0f" * 16)],
    )
    assert prediction.archive_row()["text_digest"] == "0f" * 16
    assert "0f" * 16 not in prediction.message()
    (without,) = predict([("id", post)], artefact, "v1", "now")
    assert without.archive_row()["text_digest"] is None


TEXT = st.text(st.characters(exclude_categories=["Cs"]))
NUMBER = st.floats(allow_infinity=False)
REASONS = st.builds(
    Reasons,
    st.floats(-9, 9),
    st.lists(st.builds(Reason, TEXT, TEXT, st.floats(-9, 9))).map(tuple),
    st.floats(-9, 9),
)
PREDICTIONS = st.builds(
    Prediction,
    TEXT,
    st.builds(Post, TEXT, TEXT, st.tuples(*[NUMBER] * 5), st.none() | TEXT, st.none() | TEXT),
    st.floats(0, 1),
    st.tuples(*[st.floats(0, 1)] * len(TEXT_DESCRIPTORS)),
    TEXT,
    TEXT,
    st.none() | REASONS,
    st.none() | TEXT,
    st.none(),
    st.none(),
)


@given(PREDICTIONS)
def test_message_and_archive_line_hold_every_field_of_a_prediction(prediction):
    message = json.loads(prediction.message())
    reasons = message.pop("reasons", None)
    assert list(message.values()) == [
        prediction.prediction_id,
        prediction.post.post_id,
        prediction.is_positive,
        prediction.probability,
        prediction.model_version,
        prediction.predicted_at,
    ]
    assert json.dumps(reasons) == (prediction.reasons.to_json() if prediction.reasons else "null")
    row = prediction.archive_row()
    assert row | message == row
    numbers = [None if math.isnan(number) else number for number in prediction.post.numbers]
    assert [row[name] for name in NUMERIC_FEATURES] == numbers
    assert [row[name] for name in TEXT_DESCRIPTORS] == list(prediction.descriptors)
    assert (row["source"], row["created_at"], row["text_digest"]) == (
        prediction.post.source,
        prediction.post.created_at,
        prediction.text_digest,
    )
    assert prediction.archive_line().isascii()
    assert len(prediction.archive_line().splitlines()) == 1
    fields = prediction[0], prediction.post.post_id, prediction.probability, *prediction[4:6]
    encoded = prediction._replace(encoded=encode(*fields))
    assert encoded.message() == prediction.message()
    assert encoded.archive_line() == prediction.archive_line()


def test_no_posts_give_no_predictions(artefact):
    assert predict([], artefact, "v1", NOW.isoformat()) == []


@given(st.text(min_size=1))
def test_the_non_letter_share_matches_a_count_by_character(text):
    letters = len(re.findall(r"[^\W\d_]", text))
    assert np.isclose(non_letter_share(text), 1 - letters / len(text))


@pytest.mark.parametrize(
    ("text", "share"), [("abcd", 0.0), ("ab12", 0.5), ("éñ!?", 0.5), ("_", 1.0)]
)
def test_letters_of_every_script_count_as_letters(text, share):
    assert np.isclose(non_letter_share(text), share)
