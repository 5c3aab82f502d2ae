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


def test_every_command_of_the_tutorial_works_in_order(tmp_path, newcomer):
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


def test_streamed_and_labelled_posts_are_not_the_training_posts():
    words = {name_of(line): shlex.split(line) for line in lines(*SECTION)}
    *_, train, stream = words["data synthesize"]
    assert words["seed"][-1] == train
    assert words["produce"][-1] == words["label"][-1] == stream
