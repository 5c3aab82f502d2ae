import math

import pytest

from cli.data import DataSet, data_directory, load_posts, read_posts
from cli.data.dreaddit import TRAIN_FILE, read_csv
from cli.errors import OperatorError
from stresswatch.posts import NUMERIC_FEATURES
from tests.unit.cli.conftest import DREADDIT_ROW, to_csv


@pytest.fixture
def file(tmp_path):
    return tmp_path / TRAIN_FILE


def refusal(file, content: bytes) -> str:
    file.write_bytes(content)
    with pytest.raises(OperatorError) as caught:
        read_csv(file)
    return str(caught.value)


def test_a_row_becomes_a_labelled_post_of_the_contract(file):
    file.write_bytes(to_csv([DREADDIT_ROW]))
    (labelled,) = read_csv(file)
    assert labelled.label == 1
    assert labelled.labelled_at is None
    assert labelled.post.post_id == "8601tu"
    assert labelled.post.text == "I cannot sleep, “again”"
    assert labelled.post.source == "ptsd"
    assert labelled.post.created_at == "2018-03-21T06:39:13+00:00"
    assert labelled.post.numbers == (1.5,) * 5


def test_the_annotators_confidence_is_kept_where_it_is_given(file):
    file.write_bytes(to_csv([DREADDIT_ROW | {"confidence": "0.8"}], (*DREADDIT_ROW, "confidence")))
    (sure,) = read_csv(file)
    file.write_bytes(to_csv([DREADDIT_ROW]))
    (unknown,) = read_csv(file)
    assert (sure.confidence, unknown.confidence) == (0.8, 1.0)


def test_segments_of_one_post_share_its_id(file):
    file.write_bytes(to_csv([DREADDIT_ROW, DREADDIT_ROW | {"text": "the next segment"}]))
    assert [labelled.post.post_id for labelled in read_csv(file)] == ["8601tu", "8601tu"]


def test_a_number_that_is_not_given_is_missing(file):
    file.write_bytes(to_csv([DREADDIT_ROW | {"sentiment": ""}]))
    assert math.isnan(read_csv(file)[0].post.numbers[NUMERIC_FEATURES.index("sentiment")])


def test_a_byte_order_mark_is_no_part_of_the_first_column(file):
    file.write_bytes(b"\xef\xbb\xbf" + to_csv([DREADDIT_ROW]))
    assert len(read_csv(file)) == 1


def test_the_error_tells_how_to_mend_a_file_that_is_not_utf8(file):
    content = to_csv([DREADDIT_ROW]).replace("“".encode(), b"\x93")
    assert "iconv -f WINDOWS-1252 -t UTF-8" in refusal(file, content)


def test_every_column_that_lacks_is_named(file):
    columns = [name for name in DREADDIT_ROW if name not in ("label", "lex_liwc_i")]
    assert refusal(file, to_csv([DREADDIT_ROW], columns)).endswith("it lacks label, lex_liwc_i.")


@pytest.mark.parametrize(
    ("cell", "complaint"),
    [
        ({"label": "2"}, "label must be the number 0 or 1"),
        ({"label": ""}, "label must be the number 0 or 1"),
        ({"label": "1.0"}, "label must be the number 0 or 1"),
        ({"text": "  "}, "text must not be blank"),
        ({"post_id": ""}, "post_id must be a string"),
        ({"sentiment": "high"}, "sentiment is no number"),
        ({"sentiment": "inf"}, "sentiment must be finite"),
        ({"social_timestamp": "yesterday"}, "social_timestamp is no time in seconds"),
        ({"social_timestamp": "1e300"}, "social_timestamp is no time in seconds"),
        ({"text": "a" * 200_000}, "text has 200,000 characters; at most 40,000"),
        ({"text": "a" * 2**21}, "field larger than field limit"),
    ],
)
def test_an_invalid_row_is_named_by_its_line_and_never_quoted(file, cell, complaint):
    content = to_csv([DREADDIT_ROW, DREADDIT_ROW | cell])
    message = refusal(file, content)
    assert complaint in message
    assert f"{file}, line " in message
    assert "sleep" not in message


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "it lacks post_id"),
        (to_csv([]), "holds no row"),
        (b"<!doctype html><title>Not found</title>", "is not Dreaddit"),
        (to_csv([DREADDIT_ROW]) + b"ptsd,short\r\n", "social_timestamp is no time"),
        (to_csv([DREADDIT_ROW]) + b'ptsd,"never closed\r\n', "unexpected end of data"),
    ],
)
def test_what_is_no_dreaddit_is_refused(file, content, complaint):
    assert complaint in refusal(file, content)


@pytest.mark.parametrize("name", ["missing.csv", "missing.jsonl", "folder.csv", "folder.jsonl"])
def test_a_file_that_cannot_be_opened_is_named(tmp_path, name):
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "folder.jsonl").mkdir()
    with pytest.raises(OperatorError, match=f"{name} cannot be read"):
        read_posts(tmp_path / name)


def test_labelled_posts_are_read_from_json_lines_too(tmp_path):
    file = tmp_path / "posts.jsonl"
    file.write_text('{"post_id": "a", "text": "x", "label": 0}\n\n')
    (labelled,) = read_posts(file)
    assert (labelled.post.post_id, labelled.label) == ("a", 0)


def test_a_line_that_is_no_labelled_post_is_named_by_its_number(tmp_path):
    file = tmp_path / "posts.jsonl"
    file.write_text('{"post_id": "a", "text": "x", "label": 0}\n{"post_id": "b", "text": "x"}\n')
    with pytest.raises(OperatorError, match="line 2: label must be the number 0 or 1"):
        read_posts(file)


def test_json_lines_without_a_post_are_refused(tmp_path):
    (tmp_path / "posts.jsonl").write_text("\n")
    with pytest.raises(OperatorError, match="holds no post"):
        read_posts(tmp_path / "posts.jsonl")


def test_real_posts_are_loaded_where_they_are_and_the_name_says_so(file, monkeypatch):
    file.write_bytes(to_csv([DREADDIT_ROW]))
    monkeypatch.setenv("STRESSWATCH_DATA_DIR", str(file.parent))
    loaded = load_posts()
    assert loaded == DataSet("Dreaddit, 1 real posts", read_csv(file))


def test_posts_are_synthetic_elsewhere_and_the_name_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("STRESSWATCH_DATA_DIR", str(tmp_path))
    assert load_posts().name == "synthetic posts, 2,838 of seed 7"


def test_a_broken_file_is_an_error_and_not_a_reason_to_make_posts_up(file, monkeypatch):
    file.write_bytes(b"")
    monkeypatch.setenv("STRESSWATCH_DATA_DIR", str(file.parent))
    with pytest.raises(OperatorError, match="is not Dreaddit"):
        load_posts()


real = data_directory() / TRAIN_FILE


@pytest.mark.real_posts
@pytest.mark.skipif(not real.exists(), reason=f"STRESSWATCH_DATA_DIR has no {TRAIN_FILE}")
def test_the_real_training_split_is_read_whole():
    posts = read_csv(real)
    assert len(posts) == 2838
    assert sum(labelled.label for labelled in posts) == 1488
    assert len({labelled.post.source for labelled in posts}) == 10
