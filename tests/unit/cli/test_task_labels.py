"""A task that `task init` writes counts the classes of the file as the file has them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.post_files import values
from cli.post_files.values import is_missing, label_word
from cli.post_files.writing import file_lines
from cli.task.classes import class_names, field_name
from cli.task.guessing import guess
from cli.task.sample import Column
from cli.task.writing import definition
from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.contracts.posts import parse_post
from stresswatch.task.label_words import folded, label_words
from stresswatch.task.reading import parse_task

FIELDS = {"id": "post_id", "text": "text", "source": "source", "created_at": "created_at"}
GIVEN = dict.fromkeys(FIELDS) | {"label": "Spam", "text": "text"}
WORDS = st.sampled_from(
    [
        *("0", "1", "2", "-1", "0.0", "1.0", "true", "FALSE", "yes", "No", "ja", "nein", "y", "t"),
        *("spam", "not spam", "ham", "not_spam", "positive", "negative", "not positive", "other"),
        *(
            "erwünscht",
            "迷惑",
            "1st",
            "hour",
            "'''",
            '"',
            "\\",
            "a_b",
            "_",
            "+",
            "-",
            "ǅ",
            "İ",
            "ς",
        ),
    ]
)
VALUES = (
    WORDS
    | st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats(allow_nan=False)
).filter(lambda value: not is_missing("label", value))
NOUNS = st.none() | WORDS


def column(*values):
    return Column("Spam", values, len(values))


def made(found, positive, noun, name="mail"):
    """Return the task for a file with these label values."""
    texts = Column("text", [f"the words of the post number {one}" for one in range(9)], 9)
    return parse_task(definition(guess([texts, column(*found)], GIVEN, positive), name, noun, "en"))


@given(VALUES, VALUES, NOUNS)
def test_label_values_are_read_as_the_positive_option_says(positive, negative, noun):
    if label_word(positive) == label_word(negative):
        return
    task = made([positive, negative], column(positive).labels[label_word(positive)], noun)
    words = label_words(task.label.positive, task.label.negative)
    assert words[label_word(positive)] == 1, task.label
    assert words[label_word(negative)] == 0, task.label
    assert words[folded(task.label.name(1))] == 1, task.label
    assert words[folded(task.label.name(0))] == 0, task.label


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_folding_ignores_case_and_spacing_and_is_idempotent(value):
    assert folded(" ".join(value.lower().split())) == folded(value)
    assert folded(folded(value)) == folded(value)


@pytest.mark.parametrize(
    ("found", "positive", "noun", "names"),
    [
        ((1, 0), None, "spam", (["spam"], ["not spam"])),
        ((1, 0), "0", "spam", (["spam", "0"], ["not spam", "1"])),
        ((True, False), "False", "fakeness", (["fakeness", "false"], ["not fakeness", "true"])),
        (("yes", "no"), None, "Spam", (["spam", "yes"], ["not spam", "no"])),
        (("Ja", "Nein"), "Ja", "Spam", (["spam", "ja"], ["not spam", "nein"])),
        (("1", "2"), "1", "spam", (["spam"], ["not spam", "2"])),
        (("-1", "1"), "-1", "spam", (["spam", "-1"], ["not spam", "1"])),
        (("Spam", "ham"), "spam", "junk", (["spam"], ["ham"])),
        (("not_spam", "spam"), None, None, (["spam"], ["not spam"])),
        (("1", "junk mail"), "1", "Junk  mail", (["positive"], ["junk mail"])),
    ],
)
def test_the_first_name_of_a_class_is_readable(found, positive, noun, names):
    label = made(found, positive, noun).label
    assert (list(label.positive), list(label.negative)) == names


def test_the_noun_describes_a_class_with_an_uninformative_value():
    task = made(("ja", "nein"), "ja", "Spam")
    assert (task.title, task.label.field, task.label.noun) == ("Spam in posts", "spam", "Spam")
    assert task.description == "Predicts Spam from the text of a post."
    assert made(("spam", "ham"), "spam", None).description == "Predicts whether a post is spam."


@pytest.mark.parametrize(
    ("names", "field"),
    [
        (("erwünscht",), "erwunscht"),
        (("迷惑", "迷惑", "mail"), "mail"),
        (("1st", "first place"), "first_place"),
        (("hour", "Stars", "mail"), "mail"),
        (("-1",), "is_positive"),
        (("positive", "model_spam"), "is_positive"),
        (("a" * 64, "hour"), "is_positive"),
    ],
)
def test_a_field_is_derived_from_the_first_suitable_name(names, field):
    assert field_name(names, {"stars"}) == field


def test_a_taken_field_name_gets_a_numeric_suffix():
    assert field_name(["hour"], {"is_positive", "positive_2"}) == "positive_3"


@pytest.mark.parametrize(
    ("name", "positive", "counts"),
    [
        ("posts.csv", "False", {"True": 13, "False": 7}),
        ("posts.jsonl", "False", {True: 13, False: 7}),
        ("posts.jsonl", "0", {0: 7, 1: 13}),
        ("posts.csv", "yes", {"yes": 7, "no": 13}),
        ("semicolons.csv", "1", {1: 7, 2: 13}),
    ],
)
def test_check_counts_rows_with_the_positive_value_given_to_init(
    write, run, stresswatch, name, positive, counts
):
    labels = [label for label, count in counts.items() for _ in range(count)]
    write(
        [{"text": f"the words of post {one}", "Spam": label} for one, label in enumerate(labels)],
        name,
    )
    options = f"--label Spam --positive {positive} --noun fakeness"
    stresswatch("task", "init", name, *options.split())
    checked = run(f"stresswatch task check {name} --json", task="task.toml")
    assert checked.returncode == 0, checked.stderr
    found = json.loads(checked.stdout)
    assert (found["posts"], found["positive"]) == (20, 7)


def test_written_labels_are_read_back_unchanged(monkeypatch):
    names = ["stressed", "0"], ["not stressed", "1"]
    monkeypatch.setattr(values, "_LABEL_WORDS", label_words(*names))
    assert [values.label_of(label) for label in (0, "1.0", True, "true")] == [1, 0, 1, 1]
    posts = [LabelledPost(parse_post(b'{"text": "a", "post_id": "p"}'), one) for one in (1, 0)]
    found = [json.loads(line)["label"] for line in file_lines(posts).splitlines()]
    assert (found, [*map(values.label_of, found)]) == (["stressed", "not stressed"], [1, 0])


@pytest.fixture
def check_spam(stresswatch, write, run):
    """Check rows against a task whose label column is Spam."""
    rows = [{"text": f"the words of post {one}", "Spam": one % 2} for one in range(20)]
    write(rows, "mail.csv")
    stresswatch("task", "init", "mail.csv", "--label", "Spam", "--noun", "spam")

    def checked(change, name):
        write([change(row) for row in rows], name)
        return run(f"stresswatch task check {name} --json", task="task.toml")

    return checked


@pytest.mark.parametrize("name", ["both.csv", "both.jsonl"])
def test_the_tasks_own_label_column_replaces_the_usual_one(check_spam, name):
    found = json.loads(check_spam(lambda row: {"label": 1} | row, name).stdout)
    assert (found["posts"], found["positive"], found["unknown"]) == (20, 10, ["label"])


def test_a_blank_in_the_tasks_label_column_is_a_missing_label(check_spam):
    refused = check_spam(lambda row: row | {"label": 1, "Spam": ""}, "blank.csv")
    assert "Line 2: Spam must be given" in refused.stderr


@pytest.mark.parametrize(
    ("column", "said"),
    [("verdict", "lacks the column Spam"), ("Spam?", "Spam is perhaps 'Spam?': rename it")],
)
def test_a_missing_label_column_is_reported_by_the_tasks_name(check_spam, column, said):
    refused = check_spam(lambda row: {"text": row["text"], column: row["Spam"]}, "other.csv")
    assert said in refused.stderr


def test_guessed_class_names_keep_the_spelling_of_the_file():
    texts = Column("text", ["the words of a post and more words"] * 2, 2)
    guessed = guess([texts, column("Helpful", " helpful", "Not-Helpful")], GIVEN, None)
    assert (guessed.positive, guessed.negative) == ("Helpful", "Not-Helpful")


def test_both_classes_have_different_names_for_any_noun():
    for noun in ("positive", "negative", "not positive", "0", "no"):
        first, second = class_names("0", "positive", noun)
        assert not {*map(folded, first)} & {*map(folded, second)}
