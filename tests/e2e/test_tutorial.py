"""Each line of the tutorial does what the page says, in its order."""

import re
import shlex
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.documented import TYPED_BY, commands

SECTION = ("docs/tutorial.md", "Run the loop")
PROGRAM = Path(sys.executable).with_name("stresswatch")
LONGEST_SECONDS = 300


def lines():
    found = [one.line for one in commands() if (one.page, one.section) == SECTION]
    return [shlex.split(line)[1:] for line in found if line not in TYPED_BY]


def name_of(words):
    return " ".join(words[:2]) if words[0] == "data" else words[0]


@pytest.fixture
def run(tmp_path):
    """Type a line in a folder of its own; gives what it said."""

    def typed(words):
        done = subprocess.run(
            [PROGRAM, *words],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            input="y\n",
            timeout=LONGEST_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{' '.join(words)}: {done.stdout}{done.stderr}"
        return done.stdout

    yield typed
    typed(["down"])


def look_at_the_page(folder):
    """Serve the dashboard, which goes on until Ctrl-C, on whatever port is free."""
    with subprocess.Popen(
        [PROGRAM, "dashboard", "--local", "--port", "0"],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
    ) as served:
        said = served.stdout.readline()
        with urllib.request.urlopen(re.search(r"http://[0-9.:]+", said)[0], timeout=60) as page:
            assert page.status == 200
        served.send_signal(signal.SIGINT)
    return said


def test_every_line_works_in_the_order_in_which_it_is_written(tmp_path, run):
    said = {
        name_of(words): look_at_the_page(tmp_path) if words[0] == "dashboard" else run(words)
        for words in lines()
    }
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
    assert re.search(r"^corrected \S+ [\d.]+ % to [\d.]+ %", said["trend"], re.MULTILINE)
    assert "train: 2,838" in said["data list"]
    assert "serves" in said["versions"]
    assert "champion" in said["status"]
    assert "Stopped." in said["down"]
    assert "Deleted from" in said["reset"]
    assert {path.name for path in tmp_path.iterdir()} == {"train.jsonl", "stream.jsonl"}


def test_the_posts_that_are_streamed_and_labelled_were_not_learned():
    files = {name_of(words): words[-1] for words in lines() if len(words) > 2}
    synthesized = next(words for words in lines() if words[:2] == ["data", "synthesize"])
    assert files["seed"] == synthesized[2]
    assert files["produce"] == files["label"] == synthesized[3]
