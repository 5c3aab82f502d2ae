"""Every problem file, through the dry run of every command that accepts it."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import pytest
from typer.testing import CliRunner

from cli import main
from cli.post_files import PostFile, Wanted
from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.contracts.posts import Post
from tests.conftest import PROJECT

CASES = PROJECT / "tests" / "cases"
READS_POSTS = ("produce", "score", "backfill")
READS_LABELS = ("seed", "label")


class Expected(NamedTuple):
    """The output of a dry run: the number of posts, the invalid rows by reason, and the remarks."""

    posts: int
    reasons: Mapping[str, int] = MappingProxyType({})
    says: str = ""


def refused(reason: str, says: str) -> Expected:
    """A file that is refused as a whole."""
    return Expected(0, {reason: 1}, says)


POSTS = {
    "RS_2024.zst": refused("zstd_packed", "unpack it: zstd -d "),
    "array.json": refused("json_array", "jq -c '.[]' "),
    "array.jsonl": refused("json_array", "jq -c '.[]' "),
    "array_one_line.jsonl": refused("json_array", "jq -c '.[]' "),
    "binary_cp1252.parquet": Expected(0, {"not_utf8": 1}, "Windows-1252"),
    "bom.jsonl": Expected(2),
    "bool_number.parquet": Expected(0, {"number_invalid": 4}, "lex_liwc_i must be a number"),
    "categorical.parquet": Expected(4),
    "cut_off.jsonl": Expected(1, {"not_json": 1}),
    "decimal_comma.csv": Expected(
        0, {"number_invalid": 1}, "Line 2: sentiment must be a number with a decimal point"
    ),
    "decimal_number.parquet": Expected(4),
    "double_header.csv": refused("column_repeated", "has the column text twice"),
    "duplicates.jsonl": Expected(4),
    "empty_lines.jsonl": Expected(1),
    "epoch.parquet": Expected(4),
    "excel_blank_rows.csv": Expected(4),
    "excel_cp1252.csv": refused("not_utf8", "line 4: it is not UTF-8, but perhaps Windows-1252"),
    "excel_ids.csv": Expected(2),
    "excel_semicolon.csv": Expected(4),
    "excel_sep_line.csv": Expected(4),
    "excel_utf16.csv": Expected(4),
    "excel_utf8_bom_crlf.csv": Expected(4),
    "float32.parquet": Expected(4),
    "gz_named_jsonl.jsonl": Expected(1),
    "header_case.csv": Expected(4),
    "header_case.parquet": Expected(1),
    "header_repeated.csv": refused("header_repeated", "line 3: the header is repeated"),
    "header_spaces.csv": Expected(4),
    "ids_Int64.parquet": Expected(4),
    "ids_float_nan.parquet": Expected(4),
    "ids_int.parquet": Expected(4),
    "index_is_id.parquet": Expected(4),
    "labels_bool.csv": Expected(1),
    "labels_bool.jsonl": Expected(1),
    "labels_float.csv": Expected(1),
    "labels_float.jsonl": Expected(1),
    "labels_ids_only.jsonl": Expected(0, {"text_missing": 1}, "text must be given"),
    "labels_minimal.csv": Expected(1),
    "labels_string.jsonl": Expected(1),
    "labels_unquoted_comma.csv": refused(
        "row_too_long", "line 2: it has 13 fields where the header has 11"
    ),
    "labels_with_dates.csv": Expected(1),
    "labels_with_dates.jsonl": Expected(1),
    "labels_word.csv": Expected(1),
    "labels_word.jsonl": Expected(1),
    "labels_yes.csv": Expected(1),
    "mac_cr.csv": Expected(2),
    "mysql_escapes.csv": refused(
        "csv_damaged", "line 2: quotation marks within a text are escaped"
    ),
    "na_strings.csv": Expected(3),
    "no_id_column.csv": Expected(1),
    "no_ids.csv": Expected(2),
    "nulls.parquet": Expected(1, {"text_missing": 1}),
    "pandas_epoch_ms.jsonl": Expected(1),
    "pandas_index.csv": Expected(4),
    "pandas_int_ids.jsonl": Expected(2),
    "posts.jsonl.gz": Expected(1),
    "pretty.jsonl": Expected(0, {"not_json": 4}, "objects span several lines; write one post"),
    "reddit_dump.jsonl": Expected(0, {"text_missing": 4}, "text in selftext; rename its fields"),
    "reddit_labelled.jsonl": Expected(300),
    "reddit_listing.json": Expected(0, {"text_missing": 1}, "a listing of Reddit's API"),
    "reddit_listing.jsonl": Expected(0, {"text_missing": 1}, "a listing of Reddit's API"),
    "reddit_mapped.jsonl": Expected(7, {"text_removed": 3, "text_too_long": 1}),
    "short_row.csv": refused("row_too_short", "line 2: it has 1 field where the header has 3"),
    "string_number.parquet": Expected(1, {"number_invalid": 3}),
    "tab.tsv": Expected(4),
    "text_struct.parquet": Expected(0, {"text_invalid": 1}, "text must be a string"),
    "timestamps.parquet": Expected(4),
    "timestamps_tz.parquet": Expected(4),
    "trailing_comma.jsonl": Expected(0, {"not_json": 2}, "remove the commas: sed "),
    "two_on_a_line.jsonl": Expected(0, {"not_json": 1}, "several objects on a line"),
    "unquoted_comma.csv": refused("row_too_long", "line 2: it has 4 fields where the header has 2"),
    "utf16.jsonl": Expected(1),
    "zipped.csv": Expected(4),
}
LABELLED = {
    "labels_bool.csv": Expected(1),
    "labels_bool.jsonl": Expected(1),
    "labels_float.csv": Expected(1),
    "labels_float.jsonl": Expected(1),
    "labels_ids_only.jsonl": Expected(0, {"text_missing": 1}, "identified by its id and text"),
    "labels_minimal.csv": Expected(1),
    "labels_string.jsonl": Expected(1),
    "labels_unquoted_comma.csv": POSTS["labels_unquoted_comma.csv"],
    "labels_with_dates.csv": Expected(1),
    "labels_with_dates.jsonl": Expected(1),
    "labels_word.csv": Expected(1),
    "labels_word.jsonl": Expected(1),
    "labels_yes.csv": Expected(
        0, {"label_invalid": 1}, "Line 2: label must be 0 or 1, true or false, 'stressed' or "
    ),
    "reddit_labelled.jsonl": Expected(300),
}


def run(command: str, name: str):
    arguments = [command, str(CASES / name), "--check", "--json"]
    return CliRunner().invoke(main.app, arguments, catch_exceptions=False)


def test_every_problem_file_has_an_expectation():
    assert {path.name for path in CASES.iterdir()} == set(POSTS)


@pytest.mark.parametrize("command", READS_POSTS)
@pytest.mark.parametrize("name", POSTS)
def test_a_dry_run_counts_posts_and_the_reasons_of_invalid_rows(command, name):
    check(run(command, name), POSTS[name])


@pytest.mark.parametrize("command", READS_LABELS)
@pytest.mark.parametrize("name", LABELLED)
def test_a_dry_run_counts_labelled_posts_and_invalid_rows(command, name):
    check(run(command, name), LABELLED[name])


@pytest.mark.parametrize("command", READS_LABELS)
@pytest.mark.parametrize("name", sorted(POSTS.keys() - LABELLED.keys()))
def test_a_file_without_labels_holds_no_labelled_post(command, name):
    result = run(command, name)
    said = json.loads(result.stdout)
    assert (result.exit_code, said["posts"]) == (1, 0)
    is_read = POSTS[name].posts > 0
    assert not is_read or "label" in result.stderr
    assert is_read or set(said["reasons"]) & {
        *POSTS[name].reasons,
        "label_missing",
        "column_missing",
    }


def check(result, expected: Expected) -> None:
    assert json.loads(result.stdout) == {
        "posts": expected.posts,
        "refused": sum(expected.reasons.values()),
        "reasons": expected.reasons,
    }
    assert result.exit_code == (0 if expected.posts else 1)
    assert bool(result.stderr) == (not expected.posts)
    assert expected.says in result.stderr


def found(name: str, wanted: Wanted = Wanted.POSTS) -> list[Post]:
    rows = [row.found for row in PostFile(CASES / name, wanted).rows()]
    return [row.post if isinstance(row, LabelledPost) else row for row in rows]


TEXTS = [
    "I cannot sleep, the rent is due and I don't know what to do.",
    "Lovely walk today, the garden is in bloom.",
    "Es ist alles zu viel f\N{LATIN SMALL LETTER U WITH DIAERESIS}r mich.",
    'He said "calm down",\nand left.',
]


DIALECTS = ("excel_", "header_", "tab", "zipped", "pandas_ind")


@pytest.mark.parametrize(
    "name", [name for name in POSTS if name.startswith(DIALECTS) and POSTS[name].posts == 4]
)
def test_every_csv_dialect_is_read_as_the_same_posts(name):
    posts = found(name)
    assert [post.text for post in posts] == TEXTS
    assert [post.post_id for post in posts] == ["p0", "p1", "p2", "p3"]
    assert [post.numbers[4] for post in posts] == [0.0, 0.1, 0.2, 0.30000000000000004]
    assert {post.source for post in posts} == {"stress"}


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("ids_int.parquet", ["1", "2", "3", "4"]),
        ("ids_Int64.parquet", ["101", "102", "3", "104"]),
        ("ids_float_nan.parquet", ["101", "102", "3", "104"]),
        ("pandas_int_ids.jsonl", ["101", "102"]),
        ("excel_ids.csv", ["8.60E+05", "8.60E+05"]),
        ("no_ids.csv", ["1", "2"]),
        ("no_id_column.csv", ["1"]),
        ("index_is_id.parquet", ["p0", "p1", "p2", "p3"]),
    ],
)
def test_whole_numbers_are_ids_and_a_missing_id_is_the_row_number(name, ids):
    assert [post.post_id for post in found(name)] == ids


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("epoch.parquet", "2025-11-29T07:06:40+00:00"),
        ("pandas_epoch_ms.jsonl", "2025-11-29T07:06:40+00:00"),
        ("timestamps.parquet", "2026-01-01T00:00:00.123456"),
        ("timestamps_tz.parquet", "2026-01-01T05:00:00+00:00"),
    ],
)
def test_epochs_and_timestamps_of_any_type_are_understood(name, first):
    assert found(name)[0].created_at == first


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("labels_with_dates.csv", "2026-01-05T09:00:00Z"),
        ("labels_with_dates.jsonl", "2026-06-01T09:00:00Z"),
    ],
)
def test_the_timestamp_of_a_label_is_kept_in_every_format(name, given):
    (labelled,) = PostFile(CASES / name, Wanted.LABELS).labelled_posts()
    assert labelled.labelled_at == given


@pytest.mark.parametrize("name", [name for name in LABELLED if LABELLED[name].posts == 1])
def test_labels_are_understood_in_every_form(name):
    (labelled,) = PostFile(CASES / name, Wanted.LABELS).labelled_posts()
    assert labelled.label == (0 if name == "labels_with_dates.csv" else 1)


def test_missing_feature_values_are_recognised_in_every_spelling():
    assert [str(post.numbers[4]) for post in found("na_strings.csv")] == ["nan"] * 3


def typed(line: str):
    program, *arguments = shlex.split(line)
    assert program == "stresswatch"
    return CliRunner().invoke(main.app, arguments, catch_exceptions=False)


def test_the_documented_check_commands_work_without_a_stack(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(CASES / "excel_semicolon.csv", "posts.csv")
    shutil.copy(CASES / "labels_bool.csv", "labels.csv")
    shown = typed("stresswatch produce posts.csv --check")
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert shown.stdout == "posts.csv is CSV: 4 rows are posts, 0 are not.\n"
    said = typed("stresswatch label labels.csv --check --json")
    assert (said.exit_code, said.stdout) == (0, '{"posts": 1, "refused": 0, "reasons": {}}\n')


def test_a_dry_run_shows_the_first_invalid_row_of_each_reason():
    shown = CliRunner().invoke(main.app, ["produce", str(CASES / "cut_off.jsonl"), "--check"])
    assert shown.exit_code == 0
    assert "not_json" in shown.stdout
    assert "line 2" in shown.stdout
    assert "1 row is a post, 1 is not." in shown.stdout


def test_dropped_fields_and_zero_confidence_labels_are_reported(tmp_path):
    file = tmp_path / "labels.csv"
    file.write_text(
        "post_id,text,label,confidence,created_at\np1,a,1,0,soon\np2,b,0,0.0,\np3,c,0,1,later\n"
    )
    shown = CliRunner().invoke(main.app, ["label", str(file), "--check"])
    assert shown.exit_code == 0
    assert "dropped: created_at 2." in shown.stdout
    assert "2 labelled posts have confidence 0" in shown.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("produce", "posts.csv", "--json"),
        ("score", "s3://bucket/posts.csv", "--check"),
        ("backfill", "--check"),
        ("backfill", "posts.csv"),
    ],
)
def test_incompatible_options_are_rejected_by_name(arguments):
    result = CliRunner().invoke(main.app, list(arguments))
    assert result.exit_code == 2
    assert "--check" in result.stderr
