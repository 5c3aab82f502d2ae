"""What the README tells a newcomer to type on this machine does what it says, line by line."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

from tests.conftest import PROJECT

SECTION = re.compile(r"^## On this machine\n+```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
PROGRAM = Path(sys.executable).with_name("stresswatch")
LONGEST_SECONDS = 300


def commands():
    (block,) = SECTION.findall((PROJECT / "README.md").read_text())
    lines = [shlex.split(line, comments=True) for line in block.splitlines()]
    # `make mlflow` serves until somebody ends it, from another environment.
    return [words[1:] for words in lines if words[0] == ".venv/bin/stresswatch"]


def test_every_line_works_in_the_order_in_which_it_is_written(tmp_path):
    said = {}

    def run(words):
        done = subprocess.run(
            [PROGRAM, *words],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=LONGEST_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{' '.join(words)}: {done.stdout}{done.stderr}"
        said[words[0]] = done.stdout

    try:
        for words in commands():
            run(words)
    finally:
        run(["down"])
    assert {
        "up",
        "seed",
        "retrain",
        "produce",
        "label",
        "versions",
        "status",
        "down",
    } <= said.keys()
    assert "promoted" in said["retrain"]
    assert "serves" in said["versions"]
    assert "champion" in said["status"]
    assert "No local stack was running" in said["down"]
