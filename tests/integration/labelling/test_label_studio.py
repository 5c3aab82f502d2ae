"""`label` with Label Studio's exports: JSON, JSON-MIN and CSV, of several annotators."""

import csv
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from cli.label_queue.label_studio import CHOICES, CONTROL, SHOWN
from stresswatch.contracts.posts import post_record
from tests.conftest import PROJECT
from tests.integration.labelling.drawn import ORDERED, export, submitted

GIVEN = "2026-11-25T10:00:00.728353Z"
LATER = "2026-11-25T11:00:00.000000Z"


def annotation(choice, by=1, *, at=GIVEN, **fields):
    """An annotation as Label Studio exports it."""
    result = {
        "id": "zLSY-XLk64",
        "type": "choices",
        "value": {"choices": [choice]},
        "origin": "manual",
        "to_name": SHOWN,
        "from_name": CONTROL,
    }
    return {
        "id": 10,
        "completed_by": by,
        "result": [] if choice is None else [result],
        "was_cancelled": False,
        "ground_truth": False,
        "created_at": GIVEN,
        "updated_at": at,
        "lead_time": 4.288,
        "prediction": {},
        "result_count": 1,
        **fields,
    }


@pytest.fixture
def label(run):
    """Annotate the tasks that the queue exports, and run `label` on the result."""

    def label(*of_tasks, options=()):
        tasks = json.loads(export(run, "label-studio"))
        exported = [
            {**task, "id": number, "annotations": annotations, "drafts": []}
            for number, (task, annotations) in enumerate(zip(tasks, of_tasks, strict=False), 1)
        ]
        Path("project-1.json").write_text(json.dumps(exported))
        return run("label", "project-1.json", *options)

    return label


def test_a_task_has_the_post_and_the_models_prediction(run):
    first, *others = json.loads(export(run, "label-studio"))
    assert len(others) == 3
    assert first["data"].items() >= post_record(ORDERED[0]).items()
    (prediction,) = first["predictions"]
    assert prediction["model_version"] == "v1"
    assert prediction["result"] == [
        {
            "from_name": CONTROL,
            "to_name": SHOWN,
            "type": "choices",
            "value": {"choices": ["stressed"]},
        }
    ]


def test_each_annotated_task_becomes_a_label_of_its_post(aws, label):
    result = label([annotation("stressed")], [annotation("not stressed")])
    assert result.exit_code == 0, result.output
    assert "2 labels submitted." in result.stdout
    for found, post, given in zip(submitted(aws), ORDERED[:2], (1, 0), strict=True):
        assert found.items() >= post_record(post).items()
        assert (found["label"], found["labelled_at"]) == (given, GIVEN)


def test_cancelled_and_empty_annotations_are_ignored(aws, label):
    skipped = annotation("stressed", was_cancelled=True)
    result = label([skipped], [annotation(None)], [annotation("stressed"), skipped])
    assert "1 label submitted." in result.stdout, result.output
    assert [one["text"] for one in submitted(aws)] == [ORDERED[2].text]


def test_the_majority_is_the_label_and_its_share_the_confidence(aws, label):
    votes = [
        annotation(choice, by) for by, choice in enumerate(["stressed", *["not stressed"] * 2])
    ]
    tie = [annotation("stressed", {"id": 1, "email": "a@b"}), annotation("not stressed", {"id": 2})]
    result = label(votes, tie)
    assert "1 post is a tie" in result.stdout, result.output
    (found,) = submitted(aws)
    assert (found["label"], found["confidence"]) == (0, pytest.approx(2 / 3))
    (kept,) = map(json.loads, Path("project-1.ties.jsonl").read_text().splitlines())
    assert kept["text"] == ORDERED[1].text


def test_only_the_newest_annotation_of_an_annotator_counts(aws, label):
    label(
        [
            annotation("stressed", 5, at=LATER),
            annotation("not stressed", 5),
            annotation("stressed", 6),
        ]
    )
    (found,) = submitted(aws)
    assert (found["label"], found["labelled_at"]) == (1, LATER)
    assert "confidence" not in found


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"label": "maybe"}, "task 1: label must be 0 or 1"),
        ({"post_id": None}, "task 1: post_id"),
        ({"text": None}, "task 1: text must be given"),
        ({"labelled_at": "2999-01-01T00:00:00Z"}, "task 1: labelled_at must not lie"),
    ],
)
def test_an_invalid_annotation_is_rejected_with_its_task(aws, run, changes, said):
    (task, *_) = json.loads(export(run, "label-studio"))
    data = {
        name: value for name, value in task["data"].items() if changes.get(name, "") is not None
    }
    at = changes.get("labelled_at", GIVEN)
    annotated = annotation(changes.get("label", "stressed"), at=at)
    Path("project.json").write_text(
        json.dumps([task | {"id": 1, "data": data, "annotations": [annotated]}])
    )
    result = run("label", "project.json")
    assert result.exit_code == 1
    sentence = " ".join(result.stderr.split())
    assert said in sentence
    assert "queue export --format label-studio" in sentence
    assert ORDERED[0].text not in sentence
    assert submitted(aws) == []


def test_an_annotation_with_several_choices_is_rejected(aws, label):
    both = annotation("stressed")
    both["result"][0]["value"]["choices"] = list(CHOICES.values())
    result = label([both])
    assert result.exit_code == 1
    assert "a post has only one label" in " ".join(result.stderr.split())


@pytest.mark.parametrize("content", ["[", '[{"annotations": [', "[]", "[1]"])
def test_an_invalid_export_is_rejected(aws, run, content):
    Path("broken.json").write_text(content)
    result = run("label", "broken.json")
    assert result.exit_code == 1
    assert "broken.json" in result.stderr
    assert submitted(aws) == []


def test_tasks_without_annotations_are_rejected(run):
    export(run, "label-studio", "--output", "tasks.json")
    result = run("label", "tasks.json")
    assert result.exit_code == 1
    assert "tasks.json has tasks without annotations" in result.stderr
    assert "jq" not in result.stderr


def test_an_export_without_choices_is_rejected(label):
    result = label([annotation(None)])
    assert result.exit_code == 1
    assert "has no annotation with a choice" in " ".join(result.stderr.split())


def test_a_check_counts_labels_without_submitting_them(aws, label):
    both = [annotation("stressed", 1), annotation("not stressed", 2)]
    result = label([annotation("stressed")], both, options=("--check", "--json"))
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    assert said == {"posts": 1, "ties": 1, "rated_by_several": 1, "alpha": 0.0}
    assert submitted(aws) == []
    assert not Path("project-1.ties.jsonl").exists()


def test_a_check_of_single_annotations_counts_the_labels(label):
    said = label([annotation("stressed")], [annotation("stressed")], options=("--check",)).stdout
    assert "is an export of Label Studio: 2 posts have a label." in said


def test_choices_of_other_controls_are_ignored(aws, label):
    other = {"from_name": "language", "type": "choices", "value": {"choices": ["English"]}}
    with_other = annotation("stressed")
    with_other["result"].insert(0, other)
    label([with_other], [annotation("not stressed")])
    assert [one["label"] for one in submitted(aws)] == [1, 0]


def test_a_repeated_error_in_a_task_is_reported_once(label):
    said = label([annotation("maybe", by) for by in range(3)]).stderr
    assert said.count("task 1:") == 1
    assert "more" not in said


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_an_export_with_a_byte_order_mark_is_read(aws, run, label, encoding):
    label([annotation("stressed")], options=["--check"])
    path = Path("project-1.json")
    path.write_text(path.read_text(), encoding=encoding)
    assert "1 label submitted." in run("label", "project-1.json").stdout


@pytest.mark.parametrize(
    "delimiter", [",", "\t", ";", None], ids=["csv", "tsv", "spreadsheet", "json-min"]
)
def test_json_min_and_csv_exports_are_read(aws, run, delimiter):
    tasks = json.loads(export(run, "label-studio"))
    rows = [
        task["data"]
        | {
            "id": number,
            CONTROL: choice,
            "annotator": by,
            "annotation_id": 7,
            "created_at": GIVEN,
            "updated_at": LATER,
            "lead_time": 2.5,
        }
        for number, task in enumerate(tasks, 1)
        for by, choice in enumerate(["stressed", "stressed", "not stressed"][:number])
    ]
    del rows[-1][CONTROL]
    path = Path("rows")
    if delimiter:
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, sorted(set().union(*rows)), delimiter=delimiter)
            writer.writeheader()
            writer.writerows(rows)
    else:
        path.write_text(json.dumps(rows))
    result = run("label", "rows")
    assert "4 labels submitted." in result.stdout, result.output
    found = submitted(aws)
    for one, post in zip(found, ORDERED, strict=True):
        # Their created_at is the annotation's.
        assert one.items() >= post_record(post._replace(created_at=None)).items()
        assert "created_at" not in one
    assert [one.get("confidence", 1.0) for one in found] == [1.0, 1.0, pytest.approx(2 / 3), 1.0]
    assert {one["labelled_at"] for one in found} == {LATER}


def test_the_documented_control_names_match_the_code():
    page = (PROJECT / "docs" / "labelling.md").read_text()
    view = ElementTree.fromstring(re.search(r"<View>.*?</View>", page, re.DOTALL)[0])
    assert view.find("Text").attrib == {"name": SHOWN, "value": "$text"}
    choices = view.find("Choices")
    assert (choices.get("name"), choices.get("toName")) == (CONTROL, SHOWN)
    assert [one.get("value") for one in choices] == list(CHOICES.values())
