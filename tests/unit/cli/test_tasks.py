"""`task init` writes a definition for your data; `task check` compares data with it."""

import json
from decimal import Decimal

import pandas as pd
import pytest

from cli.errors import OperatorError
from cli.task.guessing import guess
from cli.task.sample import read_columns
from cli.task.writing import definition
from stresswatch.task.reading import parse_task

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


@pytest.mark.parametrize("name", ["reviews.csv", "semicolons.csv", "reviews.jsonl"])
def test_a_definition_is_guessed_from_files_of_each_format(write, name):
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
def test_a_failed_guess_is_reported_with_the_reason(write, changes, given, positive, said):
    columns = read_columns(write([row | changes for row in ROWS]))
    with pytest.raises(OperatorError) as refused:
        guess(columns, GIVEN | given, positive)
    assert said in str(refused.value)


def test_an_invalid_task_name_is_rejected(write):
    guessed = guess(read_columns(write(ROWS)), {**GIVEN, "label": "verdict"}, None)
    with pytest.raises(OperatorError, match=r"This is not a valid task: name: it is 'My reviews'"):
        definition(guessed, "My reviews", None, "en")


INIT = "stresswatch task init reviews.csv --output task.toml --label verdict --noun helpfulness"


def test_data_is_checked_against_the_task_generated_from_it(write, run):
    write(ROWS)
    made = run(INIT)
    assert made.returncode == 0, made.stderr
    assert "task.toml defines the task with 2 numeric features." in made.stdout
    assert "Guesses: helpful is positive and not helpful negative (--positive)" in made.stdout
    assert "the language en (--language)" in made.stdout
    assert "task.toml exists" in run(INIT).stderr
    write([ROWS[0] | {"stars": 9}, *ROWS[1:]])
    checked = run("stresswatch task check reviews.csv --json", task="task.toml")
    assert checked.returncode == 0, checked.stderr
    found = json.loads(checked.stdout)
    assert (found["posts"], found["positive"]) == (200, 100)
    assert found["unknown"] == ["colour"]
    assert found["features"]["stars"] == {"values": 200, "outside": 1}
    assert found["problems"] == [
        "stars: outside the plausible range.",
        "The wording still has the template's text: purpose, limits, guideline.",
        "Not in the task, and ignored: colour.",
    ]
    shown = run("stresswatch task check reviews.csv", task="task.toml").stdout
    assert "200 labelled posts for the task reviews: 100 helpful (50%)" in shown


def test_dropped_dates_are_noted_once_with_the_accepted_format(write, run):
    write([row | {"created_at": "03.11.2026 10:00"} for row in ROWS])
    assert run(INIT).returncode == 0
    shown = run("stresswatch task check reviews.csv", task="task.toml").stdout
    assert shown.count("Optional fields that cannot be read were dropped: created_at 200.") == 1
    assert "created_at must be an ISO 8601 date, such as 2026-11-03T10:00:00Z" in shown


def test_decimal_commas_are_read_in_semicolon_separated_files(write, run, stresswatch):
    rows = [row | {"price": str(row["price"]).replace(".", ",")} for row in ROWS]
    write(rows, "semicolons.csv")
    stresswatch("task", "init", "semicolons.csv", "--label", "verdict")
    checked = run("stresswatch task check semicolons.csv --json", task="task.toml")
    assert checked.returncode == 0, checked.stderr
    assert json.loads(checked.stdout)["features"]["price"] == {"values": 200, "outside": 0}


@pytest.mark.parametrize(
    ("written", "value"),
    [("1.080", 1080), ("1.145,00", 1145), ("1.234.567,5", 1234567.5), ("12.5", 12.5)],
)
def test_points_are_of_thousands_beside_decimal_commas(write, written, value):
    rows = [row | {"price": written, "stars": "1,5"} for row in ROWS]
    columns = {one.name: one for one in read_columns(write(rows, "semicolons.csv"))}
    assert set(columns["price"].numbers) == {value}
    assert set(columns["stars"].numbers) == {1.5}


def test_points_are_decimal_without_decimal_commas(write):
    rows = [row | {"price": "1.080"} for row in ROWS]
    columns = {one.name: one for one in read_columns(write(rows, "semicolons.csv"))}
    assert set(columns["price"].numbers) == {1.08}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("posts.csv", "text;label\nschöne Worte;1\n"),
        ("posts.jsonl", '{"text": "a", "label": 1}\n{"text": "schön", "label": 1}\n'),
    ],
)
@pytest.mark.parametrize("command", ["task init", "task check", "seed --check"])
def test_each_command_rejects_files_that_are_not_utf8(
    tmp_path, stresswatch, name, content, command
):
    (tmp_path / name).write_text(content, encoding="cp1252")
    said = stresswatch(*command.split(), name).stderr
    assert "UTF-8" in said
    assert command == "seed --check" or f"iconv -f WINDOWS-1252 -t UTF-8 {name} > posts-2." in said


@pytest.mark.parametrize("name", ["posts.jsonl", "posts.parquet"])
def test_init_reads_labels_and_numeric_features_as_check_does(tmp_path, name):
    frame = pd.DataFrame({"text": ["a", "b"], "Spam": [["ja"], ["nein"]], "n": [Decimal("1.5"), 2]})
    if name == "posts.jsonl":
        lines = ['{"Spam": ["ja"], "n": 1.5, "m": "3"}', "no JSON", '{"Spam": ["nein"], "n": 2}']
        (tmp_path / name).write_text("\n".join(lines))
    else:
        frame.to_parquet(tmp_path / name)
    found = {column.name: column for column in read_columns(tmp_path / name)}
    assert (found["Spam"].labels, found["n"].numbers) == ({"ja": "ja", "nein": "nein"}, [1.5, 2])
    assert "m" not in found or found["m"].numbers == []
