"""Names of columns that no task can have are refused or left out, with the remedy."""

from pathlib import Path

import pytest

from cli.errors import OperatorError
from cli.task.guessing import guess
from cli.task.sample import Column
from cli.task.writing import definition
from stresswatch.task.reading import MAXIMUM_FEATURES, parse_task

GIVEN = dict.fromkeys(("text", "label", "id", "source", "created_at"))
WORDS = ["the words of the first post", "and the words of the second"]


def columns(**values):
    return [Column(name, found, 2) for name, found in values.items()]


def made(found, **given):
    guessed = guess(found, GIVEN | given, "1")
    return parse_task(definition(guessed, "mail", "spam", "en")), guessed.notes


@pytest.mark.parametrize(
    ("found", "given", "said"),
    [
        (
            {"Über": WORDS, "label": [0, 1]},
            {},
            "The column Über cannot be the text: rename the column in the file: letters from A",
        ),
        (
            {"confidence": WORDS, "label": [0, 1]},
            {"text": "confidence"},
            "The column confidence cannot be the text: the name has another meaning in files",
        ),
        (
            {"text": WORDS, "reasons": [0, 1]},
            {"label": "reasons"},
            "The column reasons cannot be the label: the name has another meaning in files",
        ),
        (
            {"text": WORDS, "Text": [0, 1]},
            {"text": "text", "label": "Text"},
            "The column Text cannot be the label: another column has this name",
        ),
    ],
)
def test_a_column_that_cannot_be_a_field_is_rejected_with_the_cause(found, given, said):
    with pytest.raises(OperatorError) as refused:
        made(columns(**found), **given)
    assert said in str(refused.value)


@pytest.mark.parametrize("name", ["größe", "1st", "Text", "hour", "Stars", "a" * 64])
def test_a_numeric_column_with_an_unsuitable_name_is_left_out(name):
    found = columns(text=WORDS, label=[0, 1], stars=[1, 2], **{name: [3, 4]})
    task, notes = made(found)
    assert task.feature_names == ("stars",)
    assert any(note.startswith(f"{name} is left out: ") and "rename" in note for note in notes)


def test_only_the_first_hundred_numeric_columns_become_features():
    numbers = {f"n{one}": [one, one + 1] for one in range(MAXIMUM_FEATURES + 2)}
    task, notes = made(columns(text=WORDS, label=[0, 1], **numbers))
    assert task.feature_names == tuple(numbers)[:MAXIMUM_FEATURES]
    assert notes[-1] == f"n{MAXIMUM_FEATURES + 1} is left out: a task has at most 100 features."


def test_one_value_in_two_spellings_counts_as_constant():
    task, _ = made(columns(text=WORDS, label=[0, 1], n=["1", "1.0"]))
    assert task.feature_names == ()


def test_a_missing_field_gets_an_unused_name():
    task, notes = made(columns(source=WORDS, label=[0, 1]), text="source")
    assert (task.fields.text, task.fields.source) == ("source", "post_source")
    assert "No column has the post's community; posts may have it in post_source." in notes
    assert "No column has the time of the post; posts may have it in created_at." in notes


def test_an_id_column_with_an_unsuitable_name_is_left_out():
    task, _ = made(columns(text=WORDS, label=[0, 1], größe_id=["a", "b"]))
    assert task.fields.id == "post_id"


@pytest.mark.parametrize(
    ("file", "name"),
    [("迷惑.csv", "task"), ("2024 mail.csv", "mail"), (f"{'a' * 40}.csv", "a" * 32)],
)
def test_each_file_name_gives_a_valid_task_name(stresswatch, file, name):
    Path(file).write_text("text,label\na,1\nb,0\n")
    assert stresswatch("task", "init", file).exit_code == 0
    assert parse_task(Path("task.toml").read_text("utf-8")).name == name
