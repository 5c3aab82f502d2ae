"""Values mean the same in every format and dialect."""

from __future__ import annotations

import io
import json
from decimal import Decimal

import pandas as pd
import pytest
from typer.testing import CliRunner

from cli import main
from cli.post_files import PostFile, Wanted
from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.contracts.posts import InvalidPost

BIG = 1050118621198921728


def rows(tmp_path, content: str | bytes, wanted: Wanted = Wanted.POSTS):
    file = tmp_path / "posts"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(PostFile(file, wanted).rows())


def one(tmp_path, content: str | bytes, wanted: Wanted = Wanted.POSTS):
    (row,) = rows(tmp_path, content, wanted)
    if isinstance(row.found, InvalidPost):
        raise row.found
    return row.found


def parquet(frame: pd.DataFrame) -> bytes:
    file = io.BytesIO()
    frame.to_parquet(file)
    return file.getvalue()


@pytest.mark.parametrize("ids", [[BIG, 3, None], [1e16, 2e5, 0.0]])
def test_a_float_id_is_the_same_whole_number_in_csv_and_parquet(tmp_path, ids):
    frame = pd.DataFrame({"post_id": ids, "text": ["a", "b", "c"]})
    read = [rows(tmp_path, frame.to_csv(index=False)), rows(tmp_path, parquet(frame))]
    by_csv, by_parquet = ([row.found.post_id for row in table] for table in read)
    assert [int(found) for found in by_csv] == [int(float(found)) for found in by_parquet]
    assert [row.has_rounded_id for row in read[0]] == [True, False, False]
    assert [row.has_rounded_id for row in read[1]] == [True, False, False]


def test_an_id_with_an_exponent_as_written_by_r_is_a_whole_number(tmp_path):
    (row,) = rows(tmp_path, '"","post_id","text"\n"1",1e+05,"a"\n')
    assert (row.found.post_id, row.has_rounded_id) == ("100000", False)


@pytest.mark.parametrize("post_id", ["860e03", "1e5", "8.60E+05", "1.5e+x", "2e+400", "t3_e+05"])
def test_an_id_that_only_resembles_a_number_is_kept(tmp_path, post_id):
    assert one(tmp_path, f"post_id,text\n{post_id},a\n").post_id == post_id


def test_decimal_commas_are_read_in_labels_ids_and_timestamps(tmp_path):
    given = "post_id;text;label;confidence;created_at;labelled_at\n"
    given += "7,0;a;1,0;0,8;1700000000,5;1700000000,0\n"
    found = one(tmp_path, given, Wanted.LABELS)
    assert isinstance(found, LabelledPost)
    assert (found.post.post_id, found.label, found.confidence) == ("7", 1, 0.8)
    assert found.post.created_at == "2023-11-14T22:13:20.500000+00:00"
    assert found.labelled_at == "2023-11-14T22:13:20+00:00"


@pytest.mark.parametrize("number", [7.5, -0.25, 1e-07, 12345.678])
def test_a_fractional_id_is_the_same_in_every_format(tmp_path, number):
    frame = pd.DataFrame({"post_id": [number], "source": [number], "text": ["a"]})
    for content in (
        frame.to_csv(index=False),
        frame.to_csv(index=False, sep=";"),
        json.dumps(frame.to_dict("records")[0]),
        parquet(frame),
        parquet(frame.assign(post_id=[Decimal(str(number))])),
        parquet(frame.astype(str)),
    ):
        post = one(tmp_path, content)
        assert (post.post_id, post.source, post.dropped) == (str(number), str(number), ())


@pytest.mark.parametrize("written", ["Infinity", "1e999", "true", "[7]", "{}"])
def test_an_id_must_be_a_finite_number_or_a_string(tmp_path, written):
    with pytest.raises(InvalidPost, match="post_id_invalid"):
        one(tmp_path, f'{{"post_id": {written}, "text": "a"}}')


@pytest.mark.parametrize("delimiter", ["\t", "|", ";"])
@pytest.mark.parametrize(
    ("written", "number"), [("0,5", 0.5), ("-0,125", -0.125), ("12,25", 12.25)]
)
def test_decimal_commas_are_read_where_commas_are_not_separators(
    tmp_path, delimiter, written, number
):
    given = f"text{delimiter}sentiment\r\na{delimiter}{written}\r\n".encode("utf-16")
    assert one(tmp_path, given).numbers[4] == number


def test_a_comma_that_may_mark_thousands_is_rejected(tmp_path):
    with pytest.raises(InvalidPost, match="a decimal one or of thousands"):
        one(tmp_path, "text\tlex_liwc_Tone\na\t1,234\n")


@pytest.mark.parametrize("answer", ["reject", "ignore"])
def test_a_label_that_its_annotator_did_not_accept_is_rejected(tmp_path, answer):
    record = {"text": "a", "label": "stress", "answer": answer}
    with pytest.raises(InvalidPost, match="label_not_accepted"):
        one(tmp_path, json.dumps(record), Wanted.BASE_DATA)
    assert one(tmp_path, json.dumps(record)).text == "a"
    accepted = json.dumps(record | {"answer": "accept"})
    assert one(tmp_path, accepted, Wanted.BASE_DATA).label == 1


@pytest.mark.parametrize(
    ("labels", "label"),
    [(["stress"], 1), (["Not stressed"], 0), ([1], 1), ([0.0], 0), (["true"], 1), ([False], 0)],
)
def test_a_doccano_list_of_one_label_is_read_as_that_label(tmp_path, labels, label):
    record = {"id": 1, "text": "a", "label": labels}
    assert one(tmp_path, json.dumps(record), Wanted.BASE_DATA).label == label
    assert one(tmp_path, parquet(pd.DataFrame([record])), Wanted.BASE_DATA).label == label
    assert one(tmp_path, json.dumps(record)).text == "a"


@pytest.mark.parametrize(
    ("labels", "why"),
    [
        ([], "label_missing"),
        ([None], "label_missing"),
        ([" "], "label_missing"),
        (["stress", "no stress"], "label_invalid: label is a list of 2"),
        (["stress", "stress"], "label_invalid: label is a list of 2"),
        (["worried"], "label_invalid: label must be 0 or 1"),
        ([[0, 4, "stress"]], "label_invalid: label must be 0 or 1"),
        ([["stress"]], "label_invalid: label must be 0 or 1"),
    ],
)
def test_empty_invalid_or_multiple_label_lists_are_rejected(tmp_path, labels, why):
    with pytest.raises(InvalidPost, match=why):
        one(tmp_path, json.dumps({"text": "a", "label": labels}), Wanted.BASE_DATA)


def check(command: str, file) -> tuple[int, dict[str, object], str]:
    result = CliRunner().invoke(main.app, [command, str(file), "--check", "--json"])
    return result.exit_code, json.loads(result.stdout), result.stderr


@pytest.mark.parametrize("command", ["seed", "label"])
def test_labelled_rows_without_a_usable_text_are_skipped_and_counted(tmp_path, command):
    file = tmp_path / "labels.csv"
    file.write_text(
        "post_id,text,label\na,fine,0\nb,[removed],1\nc,,1\nd,[deleted],\ne,"
        + "x" * 40_001
        + ",1\n"
    )
    reasons = {"text_removed": 2, "text_empty": 1, "text_too_long": 1}
    assert check(command, file) == (0, {"posts": 1, "refused": 4, "reasons": reasons}, "")


@pytest.mark.parametrize("command", ["seed", "label"])
def test_an_invalid_label_rejects_the_file_and_its_line_is_named(tmp_path, command):
    file = tmp_path / "labels.csv"
    file.write_text("post_id,text,label\na,[removed],0\nb,fine,maybe\nc,fine,\nd,fine,1\n")
    code, said, why = check(command, file)
    assert (code, said["posts"], said["refused"]) == (1, 1, 3)
    assert "line 3: label must be 0 or 1" in why
    assert "line 4: label must be given" in why
    assert "line 2" not in why
    assert "2 of 4 rows are not labelled posts" in why
