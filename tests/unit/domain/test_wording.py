"""Numbers in messages have their words in the singular or the plural."""

import re

import pytest

from stresswatch.text.wording import counted, with_unit
from tests.conftest import PROJECT


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((0, "post"), "0 posts"),
        ((1, "post"), "1 post"),
        ((1.0, "minute"), "1 minute"),
        ((1.5, "minute"), "1.5 minutes"),
        ((2838, "post"), "2,838 posts"),
        ((1, "row is no post", "rows are no posts"), "1 row is no post"),
        ((2, "row is no post", "rows are no posts"), "2 rows are no posts"),
    ],
)
def test_counts_use_singular_or_plural_words(given, said):
    assert counted(*given) == said


def test_command_messages_never_hard_code_plurals():
    in_a_message = re.compile(
        r"\{[^{}]*:,\} (labelled posts|posts|rows|records|labels|objects|fields|ids) "
        r"(are|were|have|stay|scored|sent|submitted|cannot)\b"
    )
    files = [*PROJECT.joinpath("cli").rglob("*.py"), *PROJECT.joinpath("lambdas").rglob("*.py")]
    assert len(files) > 50
    assert [file.name for file in files if in_a_message.search(file.read_text())] == []


@pytest.mark.parametrize(
    ("name", "unit", "said"),
    [
        ("Live quality", "share", "Live quality, share"),
        ("Training", "minutes", "Training, minutes"),
        ("Requests", "requests", "Requests"),
        ("Drift by feature", "features", "Drift by feature"),
        ("Posts in, predictions out", "posts", "Posts in, predictions out"),
        ("Errors", "times", "Errors"),
    ],
)
def test_a_unit_is_left_out_where_it_says_nothing_new(name, unit, said):
    assert with_unit(name, unit) == said
