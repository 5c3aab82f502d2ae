"""The data set as its authors publish it, and the folders of labelled posts."""

import math

import pytest

from cli.data import DataSet, data_directory, load_posts, read_posts
from cli.data.stress.dreaddit import NEWCOMERS, TRAIN_FILE, parse_csv
from cli.errors import OperatorError
from stresswatch.contracts.posts import NUMERIC_FEATURES
from tests.unit.cli.conftest import DREADDIT_ROW, to_csv


@pytest.fixture
def file(tmp_path):
    return tmp_path / TRAIN_FILE


def read(*rows, columns=tuple(DREADDIT_ROW)):
    return parse_csv(to_csv(rows, columns), TRAIN_FILE)


def test_a_row_becomes_a_labelled_post():
    (labelled,) = read(DREADDIT_ROW)
    assert labelled.label == 1
    assert labelled.labelled_at is None
    assert labelled.post.post_id == "8601tu"
    assert labelled.post.text == "I cannot sleep, “again”"
    assert labelled.post.source == "ptsd"
    assert labelled.post.created_at == "2018-03-21T06:39:13+00:00"
    assert labelled.post.numbers == (1.5,) * 5


@pytest.mark.parametrize("confidence", ["0.8", "0", "0.0", "1"])
def test_annotator_confidence_is_kept_and_defaults_to_one(confidence):
    (given,) = read(
        DREADDIT_ROW | {"confidence": confidence}, columns=(*DREADDIT_ROW, "confidence")
    )
    (unknown,) = read(DREADDIT_ROW)
    assert (given.confidence, unknown.confidence) == (float(confidence), 1.0)


def test_segments_of_one_post_share_its_id():
    posts = read(DREADDIT_ROW, DREADDIT_ROW | {"text": "the next segment"})
    assert [labelled.post.post_id for labelled in posts] == ["8601tu", "8601tu"]


def test_an_empty_numeric_feature_is_missing():
    (labelled,) = read(DREADDIT_ROW | {"sentiment": ""})
    assert math.isnan(labelled.post.numbers[NUMERIC_FEATURES.index("sentiment")])


@pytest.mark.parametrize("timestamp", ["yesterday", "1e300", "nan", ""])
def test_a_post_with_an_invalid_timestamp_is_kept_without_it(timestamp):
    (labelled,) = read(DREADDIT_ROW | {"social_timestamp": timestamp})
    assert labelled.post.created_at is None


@pytest.mark.parametrize(
    ("cell", "complaint"),
    [
        ({"label": "2"}, "label must be 0 or 1, true or false, 'stressed' or 'not stressed'"),
        ({"label": ""}, "label must be given"),
        ({"text": "  "}, "text must not be blank"),
        ({"sentiment": "high"}, "sentiment must be a number"),
        ({"sentiment": "0,5"}, "sentiment must be a number with a decimal point"),
        ({"sentiment": "1_0"}, "sentiment must be a number"),
        ({"sentiment": "inf"}, "sentiment must be finite"),
        ({"text": "a" * 200_000}, "text has 200,000 characters; at most 40,000"),
        ({"text": "a" * 2**21}, "field larger than field limit"),
    ],
)
def test_an_invalid_row_is_reported_by_line_and_never_quoted(cell, complaint):
    with pytest.raises(OperatorError) as caught:
        read(DREADDIT_ROW, DREADDIT_ROW | cell)
    message = str(caught.value)
    assert complaint in message
    assert message.startswith(f"{TRAIN_FILE}, line 3: ")
    assert "sleep" not in message


@pytest.mark.parametrize("name", ["missing.csv", "folder.csv"])
def test_a_file_that_cannot_be_opened_is_named_in_the_error(tmp_path, name):
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(OperatorError, match=name):
        read_posts(tmp_path / name)


def test_real_posts_are_loaded_if_present_and_the_name_says_so(file, monkeypatch):
    file.write_bytes(to_csv([DREADDIT_ROW]))
    monkeypatch.setenv("STRESSWATCH_DATA_DIR", str(file.parent))
    loaded = load_posts()
    assert loaded == DataSet("Dreaddit, 1 real posts", read_posts(file), NEWCOMERS)


def test_synthetic_posts_are_the_default_and_the_name_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("STRESSWATCH_DATA_DIR", str(tmp_path))
    assert load_posts().name == "synthetic posts, 2,838 of seed 7"


def test_a_broken_file_is_an_error_even_though_posts_can_be_generated(file, monkeypatch):
    file.write_bytes(b"")
    monkeypatch.setenv("STRESSWATCH_DATA_DIR", str(file.parent))
    with pytest.raises(OperatorError, match="holds no post"):
        load_posts()


real = data_directory() / TRAIN_FILE


@pytest.mark.real_posts
@pytest.mark.skipif(not real.exists(), reason=f"STRESSWATCH_DATA_DIR has no {TRAIN_FILE}")
def test_the_real_training_split_is_read_completely():
    posts = read_posts(real)
    assert len(posts) == 2838
    assert sum(labelled.label for labelled in posts) == 1488
    assert len({labelled.post.source for labelled in posts}) == 10
