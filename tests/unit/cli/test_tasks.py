"""`task init` writes a definition for your data; `task check` compares data with it."""

import csv
import json
import os
import shlex
import subprocess
import sys

import pytest

from cli.errors import OperatorError
from cli.task.guessing import guess
from cli.task.sample import read_columns
from cli.task.writing import definition
from stresswatch.task.reading import TASK_VARIABLE, parse_task
from tests.conftest import PROJECT

GIVEN = dict.fromkeys(("text", "label", "id", "source", "created_at"))
ROWS = [
    {
        "review_id": 1000 + place,
        "review": f"it came on time and works as the instructions say, number {place}",
        "stars": 1 + place % 5,
        "price": 0.25 + place / 100,
        "colour": "red" if place % 3 else "blue",
        "verdict": "helpful" if place % 2 else "not helpful",
    }
    for place in range(200)
]


@pytest.fixture
def write(tmp_path):
    def written(rows, name="reviews.csv"):
        path = tmp_path / name
        if name.endswith(".jsonl"):
            path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
            return path
        with path.open("w", newline="") as file:
            table = csv.DictWriter(file, rows[0], delimiter=";" if "semicolons" in name else ",")
            table.writeheader()
            table.writerows(rows)
        return path

    return written


@pytest.mark.parametrize("name", ["reviews.csv", "semicolons.csv", "reviews.jsonl"])
def test_a_definition_is_guessed_from_the_columns_of_each_format(write, name):
    guessed = guess(read_columns(write(ROWS, name)), {**GIVEN, "label": "verdict"}, None)
    task = parse_task(definition(guessed, "reviews", "helpfulness", "en"))
    assert (task.fields.id, task.fields.text) == ("review_id", "review")
    assert (task.label.field, task.label.name(1), task.label.name(0)) == (
        "helpful",
        "helpful",
        "not helpful",
    )
    assert [(one.name, one.minimum, one.maximum) for one in task.numeric_features] == [
        ("stars", 1, 5),
        ("price", 0.25, 3),
    ]
    assert "colour is left out: it is not a number, or is constant." in guessed.notes
    assert task.label.column == "verdict"


def test_a_task_of_another_language_has_no_lexicons(write):
    guessed = guess(read_columns(write(ROWS)), {**GIVEN, "label": "verdict"}, None)
    task = parse_task(definition(guessed, "reviews", None, "de"))
    assert (task.text.lexicons, task.label.noun) == ((), "helpful")


@pytest.mark.parametrize(
    ("changes", "given", "positive", "said"),
    [
        (
            {},
            {"text": "body"},
            None,
            "--text body: there is no such column; the columns are",
        ),
        ({}, {}, None, "Which column is the label? Give --label; the columns are "),
        ({}, {"label": "stars"}, None, "The column stars has 5 values; a label has two."),
        ({"verdict": "up"}, {"label": "verdict"}, None, "has 1 value; a label has two"),
        ({}, {"label": "colour"}, None, "Which value of colour is the positive class? Give --pos"),
        ({}, {"label": "colour"}, "green", "--positive green: the values of colour are blue and"),
    ],
)
def test_what_cannot_be_guessed_is_asked_for(write, changes, given, positive, said):
    columns = read_columns(write([row | changes for row in ROWS]))
    with pytest.raises(OperatorError) as refused:
        guess(columns, GIVEN | given, positive)
    assert said in str(refused.value)


def test_a_name_that_is_taken_is_refused_with_the_flag_in_sight(write):
    guessed = guess(read_columns(write(ROWS)), {**GIVEN, "label": "verdict"}, None)
    with pytest.raises(OperatorError, match=r"This is not a valid task: name: it is 'My reviews'"):
        definition(guessed, "My reviews", None, "en")


@pytest.fixture
def run(tmp_path):
    """Type a line as an operator does, with a task or the shipped one."""

    def typed(line, task=None):
        return subprocess.run(
            [sys.executable, "-m", "cli", *shlex.split(line)[1:]],
            cwd=tmp_path,
            env=os.environ
            | {"PYTHONPATH": f"{PROJECT / 'layers/stresswatch/python'}:{PROJECT}", "COLUMNS": "120"}
            | ({TASK_VARIABLE: task} if task else {}),
            capture_output=True,
            text=True,
            check=False,
        )

    return typed


INIT = "stresswatch task init reviews.csv --output task.toml --label verdict --noun helpfulness"


def test_data_is_checked_against_the_task_that_was_written_for_it(write, run):
    write(ROWS)
    made = run(INIT)
    assert made.returncode == 0, made.stderr
    assert "task.toml defines the task with 2 numeric features." in made.stdout
    assert "task.toml exists" in run(INIT).stderr
    write([ROWS[0] | {"stars": 9}, *ROWS[1:]])
    checked = run("stresswatch task check reviews.csv --json", task="task.toml")
    assert checked.returncode == 0, checked.stderr
    found = json.loads(checked.stdout)
    assert (found["posts"], found["helpful"]) == (200, 100)
    assert found["unknown"] == ["colour"]
    assert found["features"]["stars"] == {"values": 200, "outside": 1}
    assert found["problems"] == [
        "stars: outside the plausible range.",
        "Not in the task, and ignored: colour.",
    ]
    shown = run("stresswatch task check reviews.csv", task="task.toml").stdout
    assert "200 labelled posts for the task reviews: 100 helpful (50%)" in shown
