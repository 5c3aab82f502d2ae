"""Each line of the tutorial does what the page says, in its order."""

import re
import shlex

import pytest

from tests.e2e.newcomer import Newcomer, lines, name_of

SECTION = ("docs/tutorial.md", "Run the loop")


@pytest.fixture
def newcomer(tmp_path):
    found = Newcomer(tmp_path)
    yield found
    found.type("stresswatch down")


def test_every_line_works_in_the_order_in_which_it_is_written(tmp_path, newcomer):
    said = {name_of(line): newcomer.type(line) for line in lines(*SECTION)}
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
    assert "it is the champion now" in said["retrain"]
    assert "posts by v" in said["measure"]
    assert "live F1" in said["measure"]
    assert re.search(r"stress rate, .* 95 % interval .*; called ", said["measure"])
    assert re.search(r"│ 2\d{3}-\d\d-\d\d │ .* %", said["trend"])
    assert "train: 2,838" in said["data list"]
    assert "serves" in said["versions"]
    assert "champion" in said["status"]
    assert "Stopped." in said["down"]
    assert "Deleted from" in said["reset"]
    assert {path.name for path in tmp_path.iterdir()} == {"train.jsonl", "stream.jsonl"}


def test_the_posts_that_are_streamed_and_labelled_were_not_learned():
    words = {name_of(line): shlex.split(line) for line in lines(*SECTION)}
    *_, train, stream = words["data synthesize"]
    assert words["seed"][-1] == train
    assert words["produce"][-1] == words["label"][-1] == stream
