"""Each line of the tutorial does what the page says, in its order."""

import shlex

import pytest

from tests.e2e.newcomer import Newcomer, lines, name_of
from tests.sample_output import missing, samples

SECTION = ("docs/tutorial.md", "Run the loop")


@pytest.fixture
def newcomer(tmp_path):
    found = Newcomer(tmp_path, columns=80)
    yield found
    found.type("stresswatch down")


def test_every_line_works_in_the_order_in_which_it_is_written(tmp_path, newcomer):
    typed = {line: newcomer.type(line) for line in lines(*SECTION)}
    said = {name_of(line): output for line, output in typed.items()}
    assert list(said) == [
        "up",
        "data synthesize",
        "seed",
        "retrain",
        "produce",
        "label",
        "measure",
        "trend",
        "data list",
        "versions",
        "status",
        "dashboard",
        "down",
        "reset",
    ]
    for command, sample in samples(SECTION[0]).items():
        assert missing(sample, typed[command]) == [], typed[command]
    assert "Stopped." in said["down"]
    assert "Deleted from" in said["reset"]
    assert {path.name for path in tmp_path.iterdir()} == {"train.jsonl", "stream.jsonl"}


def test_the_posts_that_are_streamed_and_labelled_were_not_learned():
    words = {name_of(line): shlex.split(line) for line in lines(*SECTION)}
    *_, train, stream = words["data synthesize"]
    assert words["seed"][-1] == train
    assert words["produce"][-1] == words["label"][-1] == stream
