"""`queue`, `queue export` and `label`: posts out of the queue, and labels back."""

import csv
import io
import json
from pathlib import Path

import pytest

from cli.label_queue.exports import BYTE_ORDER_MARK
from stresswatch.aws import stack_outputs
from stresswatch.contracts.posts import NUMERIC_FEATURES, post_record
from stresswatch.storage.label_queue import PREDICTION_FIELDS
from tests.integration.labelling.drawn import ORDERED, export, submitted, write_lines
from tests.marker import holds_marker


def test_the_queue_is_counted_by_day_and_community(run):
    assert json.loads(run("queue", "--json").stdout) == {
        "waiting": 4,
        "labelled": 0,
        "by_day_and_source": [
            {"day": "2026-11-23", "source": "anxiety", "waiting": 1},
            {"day": "2026-11-23", "source": "ptsd", "waiting": 1},
            {"day": "2026-11-24", "source": None, "waiting": 2},
        ],
    }
    shown = run("queue").stdout
    assert "4 posts wait for a label; 0 sampled posts have one." in shown
    assert "anxiety" in shown
    assert not holds_marker(shown.encode())


def test_without_a_label_queue_the_error_names_the_setting(run):
    del run.outputs[stack_outputs.LABEL_QUEUE_BUCKET]
    for command in (["queue"], ["queue", "export", "--format", "csv"], ["annotate"]):
        result = run(*command)
        assert result.exit_code == 1
        assert "labelling.label_sample_share" in result.stderr


def test_a_limited_export_is_a_random_subsample(run):
    for limit in (1, 3, 4, 100):
        lines = export(run, "jsonl", "--limit", limit).splitlines()
        texts = [json.loads(line)["text"] for line in lines]
        assert texts == [post.text for post in ORDERED[:limit]]


def test_an_export_from_a_given_day_on_keeps_the_order(run):
    for day, expected in (
        ("2026-11-23", ORDERED),
        ("2026-11-24", [ORDERED[0], ORDERED[3]]),
        ("2026-11-25", []),
    ):
        lines = export(run, "jsonl", "--from", day).splitlines()
        assert [json.loads(line)["text"] for line in lines] == [post.text for post in expected]
    assert len(export(run, "jsonl", "--from", "2026-11-24", "--limit", 1).splitlines()) == 1
    refused = run("queue", "export", "--format", "jsonl", "--from", "last week")
    assert "--from is 'last week'" in refused.stderr


@pytest.mark.parametrize("format_", ["label-studio", "csv", "jsonl"])
def test_a_blind_export_omits_the_prediction(run, format_):
    told, blind = (export(run, format_, *options) for options in ((), ("--blind",)))
    for field in ("model_version", "inclusion_probability", "sample", "lot"):
        assert field in told
        assert field not in blind
    assert "0.9" not in blind
    assert "predictions" not in blind


@pytest.mark.parametrize("options", [(), ("--blind",)])
def test_a_csv_export_has_a_column_per_field_and_a_label_column(run, options):
    exported = export(run, "csv", *options)
    assert exported.startswith(BYTE_ORDER_MARK)
    rows = list(csv.DictReader(io.StringIO(exported.removeprefix(BYTE_ORDER_MARK), newline="")))
    told = () if options else PREDICTION_FIELDS
    assert list(rows[0]) == [
        *("prediction_id", "post_id", "text", *NUMERIC_FEATURES, "source", "created_at"),
        *(*told, "label"),
    ]
    # The runner's output has one form of line break.
    assert [row["text"] for row in rows] == [post.text.replace("\r\n", "\n") for post in ORDERED]


@pytest.mark.parametrize("format_", ["csv", "jsonl"])
def test_a_filled_in_export_labels_the_same_posts(aws, run, format_):
    assert export(run, format_, "--output", "posts") == ""
    with Path("posts").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file) if format_ == "csv" else map(json.loads, file))
    filled = [row | {"label": number % 2} for number, row in enumerate(rows)]
    if format_ == "csv":
        with Path("filled").open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(filled)
    else:
        write_lines("filled", filled)
    result = run("label", "filled")
    assert "4 labels submitted." in result.stdout, result.output
    found = submitted(aws)
    for one, post in zip(found, ORDERED, strict=True):
        assert one.items() >= post_record(post).items()
    assert [one["label"] for one in found] == [0, 1, 0, 1]
    assert json.loads(run("queue", "--json").stdout)["waiting"] == 0


def test_unlabelled_rows_stay_in_the_queue(aws, run):
    first, *others = map(json.loads, export(run, "jsonl").splitlines())
    write_lines("half", [first | {"label": "stressed"}, *others])
    result = run("label", "half")
    assert result.exit_code == 0, result.output
    assert "label is not filled in yet" in " ".join(result.stdout.split())
    assert [one["text"] for one in submitted(aws)] == [ORDERED[0].text]
    assert "3 posts wait for a label; 1 sampled post has one." in run("queue").stdout


def test_concatenated_files_of_annotators_are_a_majority_vote(aws, run):
    rows = [json.loads(line) for line in export(run, "jsonl").splitlines()]
    # Posts with two votes or more have eight ratings, so alpha is 1 - 7 * 4 / (64 - 25 - 9).
    votes = [(1, 1, 0), (0, 0, 0), (1, 0, None), (1, None, None)]
    given = [
        row | {"label": vote[person]}
        for person in range(3)
        for row, vote in zip(rows, votes, strict=True)
    ]
    write_lines("all.jsonl", given)
    checked = run("label", "all.jsonl", "--check")
    assert submitted(aws) == []
    result = run("label", "all.jsonl")
    for said in (" ".join(one.stdout.split()) for one in (checked, result)):
        assert "3 posts have several annotators: their majority is the label" in said
        assert "Krippendorff's alpha is 0.067: the labels are not reliable" in said
        assert "1 post is a tie of the annotators." in said
    assert "3 labels submitted." in result.stdout
    labels = {one["text"]: (one["label"], one.get("confidence", 1.0)) for one in submitted(aws)}
    assert labels == {
        ORDERED[0].text: (1, pytest.approx(2 / 3)),
        ORDERED[1].text: (0, 1.0),
        ORDERED[3].text: (1, 1.0),
    }
    (tie,) = map(json.loads, Path("all.ties.jsonl").read_text().splitlines())
    assert (tie["text"], tie["label"]) == (ORDERED[2].text, None)
    write_lines("all.ties.jsonl", [tie | {"label": 0}])
    again = run("label", "all.jsonl")
    assert (again.exit_code, len(submitted(aws))) == (1, 3)
    assert "all.ties.jsonl, for the ties of all.jsonl, exists already" in again.stderr
    Path("all.ties.jsonl").rename("third.jsonl")
    assert "1 label submitted." in run("label", "third.jsonl").stdout
    assert json.loads(run("queue", "--json").stdout)["waiting"] == 0


@pytest.mark.parametrize("options", [(), ("--check", "--stage", "dev")])
def test_unmatched_labels_are_counted_with_the_likely_cause(aws, run, options):
    first, second, third, fourth = map(json.loads, export(run, "jsonl").splitlines())
    misread = second["text"].encode().decode("cp1252", errors="replace")
    changed = [first, second | {"text": misread}, third | {"post_id": "other"}, fourth]
    write_lines("changed.jsonl", [row | {"label": 1} for row in changed])
    said = run("label", "changed.jsonl", *options).stdout
    assert "2 labels match no sampled post" in said
    assert "1 text changed in between" in said
    assert "1 post is not in the queue" in said
    assert len(submitted(aws)) == (0 if options else 4)
    assert "match" not in run("label", "changed.jsonl", "--check").stdout


def test_a_csv_with_excels_separator_line_is_read(run):
    exported = export(run, "csv").removeprefix("\ufeff")
    rows = list(csv.DictReader(io.StringIO(exported, newline="")))
    with Path("excel.csv").open("w", encoding="utf-8-sig", newline="") as file:
        file.write("sep=;\r\n")
        writer = csv.DictWriter(file, rows[0], delimiter=";")
        writer.writeheader()
        writer.writerows(row | {"label": label} for row in rows for label in (0, 1))
    assert "4 posts are ties of the annotators." in run("label", "excel.csv", "--check").stdout


def test_an_invalid_label_is_rejected_with_its_line(aws, run):
    first, second, *_ = map(json.loads, export(run, "jsonl").splitlines())
    write_lines("wrong.jsonl", [first | {"label": "0"}, second | {"label": "maybe"}])
    result = run("label", "wrong.jsonl")
    assert result.exit_code == 1
    assert "line 2: label must be 0 or 1" in " ".join(result.stderr.split())
    assert submitted(aws) == []


def test_an_export_does_not_overwrite_a_file(run):
    export(run, "csv", "--output", "posts.csv")
    result = run("queue", "export", "--format", "csv", "--output", "posts.csv")
    assert result.exit_code == 1
    assert "posts.csv exists already" in result.stderr
