"""An error for a refused file names the likely cause, and its commands do what they say."""

from __future__ import annotations

import csv
import gzip
import json
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from cli import main
from cli.post_files import PostFile, Wanted

FRAME = pd.DataFrame(
    {"post_id": ["a", "b"], "text": ["hello, there", 'a "quote"'], "label": [1, 0]}
)


def said(tmp_path, content: str | bytes, command: str = "seed") -> str:
    file = tmp_path / "posts.txt"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    result = CliRunner().invoke(main.app, [command, str(file), "--check", "--json"])
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert (report["posts"], sum(report["reasons"].values())) == (0, report["refused"])
    return result.stderr


def converted(tmp_path, error: str) -> None:
    """Run the command that an error ends with."""
    start = min(
        at for program in ("gzip -dc", "jq -c", "perl -pe") if (at := error.find(program)) >= 0
    )
    subprocess.run(error[start:].strip(), shell=True, check=True, cwd=tmp_path)


@pytest.mark.skipif(shutil.which("jq") is None, reason="needs jq")
@pytest.mark.parametrize(
    "content",
    [
        pytest.param(FRAME.to_json(orient="records"), id="records"),
        pytest.param(FRAME.to_json(orient="columns"), id="columns"),
        pytest.param(FRAME.to_json(orient="index"), id="index"),
        pytest.param(FRAME.to_json(orient="split"), id="split"),
        pytest.param(FRAME.to_json(orient="table"), id="table"),
        pytest.param(
            "".join(
                json.dumps(
                    {"data": {"text": row["text"]}, "post_id": post_id, "label": row["label"]}
                )
                + "\n"
                for post_id, row in FRAME.set_index("post_id").to_dict("index").items()
            ),
            id="nested",
        ),
        pytest.param(
            FRAME.rename(columns={"text": "body", "post_id": "id"}).to_json(
                orient="records", lines=True
            ),
            id="other names",
        ),
    ],
)
def test_the_suggested_command_converts_unsupported_json(tmp_path, content):
    converted(tmp_path, said(tmp_path, content))
    labelled = list(PostFile(tmp_path / "posts.jsonl", Wanted.LABELS).labelled_posts())
    assert [(one.post.post_id, one.post.text, one.label) for one in labelled] == [
        ("a", "hello, there", 1),
        ("b", 'a "quote"', 0),
    ]


@pytest.mark.parametrize("command", ["seed", "label", "produce", "score", "backfill"])
@pytest.mark.parametrize(
    ("line", "field"),
    [
        ('{"text": "a", "post_id": "p", "label": 1, "text": "b"}', "text"),
        ('{"text": "a", "post_id": "p", "label": 1, "t\\u0065xt" : "a"}', "text"),
        ('{"text": "a", "label": 0, "post_id": "p", "label": 1}', "label"),
        ('{"subreddit": "a", "text": "a", "post_id": "p", "label": 1, "subreddit": ""}', "subredd"),
    ],
)
def test_a_duplicate_field_in_a_line_rejects_the_file(tmp_path, line, field, command):
    error = said(tmp_path, f'{{"text": "a", "post_id": "q", "label": 1}}\n\n{line}\n', command)
    assert f"posts.txt, line 3: it has the field {field}" in " ".join(error.split())


@pytest.mark.parametrize(
    "more",
    [
        '"other": 1, "other": 2',
        '"media": {"text": 1, "text": 2}',
        '"Text": "b", "other": 1, "other": 2',
        '"note": "\\"text\\": 1, \\"text\\": 2"',
    ],
)
def test_duplicate_names_outside_the_posts_fields_are_accepted(tmp_path, more):
    file = tmp_path / "posts.jsonl"
    file.write_text(f'{{"text": "a", {more}}}\n')
    assert [post.text for post in PostFile(file).posts()] == ["a"]


@pytest.mark.parametrize("command", ["seed", "label", "produce", "score", "backfill"])
@pytest.mark.parametrize(
    "content",
    [
        "|    | text   |   label |\n|---:|:-------|--------:|\n|  0 | b      |       1 |\n",
        "| text | label |\n|---|---|\n| b | 1 |\n",
        "\ufeff| post_id | text | label |\r\n| - | :-: | --: |\r\n| a | b | 1 |\r\n",
        "post_id | text | label\n--- | :---: | ---:\na | b | 1\n",
        "| text |\n|---|\n| b |\n",
    ],
)
def test_a_markdown_table_is_rejected_by_name(tmp_path, content, command):
    assert "is a Markdown table" in said(tmp_path, content, command)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(" text | label\n------+-------\n b    |     1\n(1 row)\n", id="psql"),
        pytest.param(
            "+------+-------+\n| text | label |\n+------+-------+\n| b | 1 |\n", id="mysql"
        ),
        pytest.param("| text | label |\n|------+-------|\n| b    |     1 |\n", id="Org"),
        pytest.param("| text | label |\n+======+=======+\n| b    |     1 |\n", id="grid"),
        pytest.param(
            "┌──────┬───────┐\n│ text │ label │\n├──────┼───────┤\n│ b    │ 1     │\n", id="SQLite"
        ),
        pytest.param(" text │ label \n══════╪═══════\n b    │ 1\n", id="Unicode"),
    ],
)
def test_a_drawn_text_table_is_rejected_by_name(tmp_path, content):
    assert "is a table drawn for people to read" in said(tmp_path, content, "produce")


@pytest.mark.parametrize(
    ("content", "texts"),
    [
        ("text|source\n-|-\na|b\n", ["-", "a"]),
        ("text\n---\n|---|\n", ["---", "|---|"]),
        ("post_id|text\np|--- so tired ---\n", ["--- so tired ---"]),
        ('post_id|text\np|"a\n|---|---|\n"\n', ["a\n|---|---|\n"]),
    ],
)
def test_dashes_in_a_text_are_not_taken_for_a_table(tmp_path, content, texts):
    file = tmp_path / "posts.csv"
    file.write_text(content)
    assert [post.text for post in PostFile(file).posts()] == texts


def test_arrays_without_field_names_are_rejected_as_such(tmp_path):
    for content in ('["a", 1]\n["b", 0]\n', FRAME.to_json(orient="values")):
        assert "without field names" in said(tmp_path, content)


@pytest.mark.parametrize("text", ["{curly} words", '"code\n{ x: 1 }\nend"'])
@pytest.mark.parametrize("header", ["sep=;\ntext;label", "text;label"])
def test_a_csv_with_braces_in_a_text_is_read_as_csv(tmp_path, header, text):
    file = tmp_path / "posts.csv"
    file.write_text(f"{header}\n{text};1\n")
    (labelled,) = PostFile(file, Wanted.BASE_DATA).labelled_posts()
    assert labelled.post.text == text.strip('"')


def test_a_misnamed_text_column_in_a_csv_is_suggested(tmp_path):
    assert "text is perhaps 'body'" in said(tmp_path, "body,label\n{curly},1\n")


@pytest.mark.parametrize("begin", ["[removed]\nfine\n", "[section]\na=1\n"])
def test_a_text_in_brackets_is_not_taken_for_a_json_array(tmp_path, begin):
    assert "its first row must name the columns, with commas" in said(tmp_path, begin)


def test_blank_rows_before_the_header_are_skipped(tmp_path):
    file = tmp_path / "posts.csv"
    file.write_text(',,\n"","",""\ntext,label,post_id\na,maybe,1\n')
    (row,) = PostFile(file, Wanted.LABELS).rows()
    assert row.place == "line 4"


def test_a_printed_conversion_never_overwrites_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("posts.csv", "posts-2.csv"):
        Path(name).write_bytes("text,label\nsch\xf6ne Worte,1\n".encode("cp1252"))
    error = CliRunner().invoke(main.app, ["seed", "posts.csv", "--check"]).stderr
    subprocess.run(error[error.index("iconv") :].strip(), shell=True, check=True)
    assert Path("posts.csv").read_bytes() == Path("posts-2.csv").read_bytes()
    assert Path("posts-3.csv").read_text("utf-8") == "text,label\nsch\xf6ne Worte,1\n"


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzipped"])
@pytest.mark.parametrize("rows_before", [0, 30_000])
def test_a_zero_byte_in_a_csv_is_rejected_with_its_line_and_a_fix(tmp_path, packed, rows_before):
    text = "text,label\n" + "fine,1\n" * rows_before + "a\0b,1\n"
    content = gzip.compress(text.encode()) if packed else text.encode()
    error = said(tmp_path, content)
    assert f"line {rows_before + 2}: it has a NUL byte" in error
    converted(tmp_path, error)
    posts = PostFile(tmp_path / "posts-without-zeros", Wanted.BASE_DATA)
    assert list(posts.labelled_posts())[-1].post.text == "ab"


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        ('"text","label"\n"1","a b",1\n', "use write.csv"),
        ("text,label\na\\, b,1\n", "not behind a backslash"),
        ("text,label\n'a, b',1\n", "which are straight and double"),
        ("text,label\n\u201ca, b\u201d,1\n", "which are straight and double"),
        ('text,label\n"x \\", y",1\n', "as MySQL writes them"),
        ('"text" "label"\n"a" 1\n', "line 1: it must name the columns"),
        ("version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        ("<Error><Code>AccessDenied</Code></Error>", "is a web page or XML"),
        (
            gzip.compress(b"{}", mtime=0) + b"words of a person",
            "gzipped and damaged; fetch or pack it",
        ),
    ],
)
def test_the_likely_cause_is_named(tmp_path, content, cause):
    error = said(tmp_path, content)
    assert cause in error
    assert "words" not in error


def test_unquoted_pandas_csv_is_rejected_with_advice_to_quote(tmp_path):
    content = FRAME.to_csv(index=False, quoting=csv.QUOTE_NONE, escapechar="\\")
    assert "to_csv without quoting and escapechar" in said(tmp_path, content)


@pytest.mark.parametrize(
    ("columns", "note"),
    [
        ("id", "If 'id' holds the ids, rename it"),
        ("post_id", ""),
        ("post_id,id", ""),
        ("other", ""),
    ],
)
def test_a_possible_id_column_is_named(tmp_path, columns, note):
    file = tmp_path / "posts.csv"
    cells = ",".join("a" for _ in columns.split(","))
    file.write_text(f"{columns},text\n{cells},I cannot sleep\n")
    result = CliRunner().invoke(main.app, ["produce", str(file), "--check"])
    assert result.exit_code == 0
    assert ("The column post_id is missing" in result.output) == bool(note)
    assert note in result.output
