"""The command in an empty folder, and Dreaddit-like files made from synthetic words."""

import csv
import io
import json
import os
import shlex
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from cli import main
from stresswatch.contracts.posts import NUMERIC_FEATURES
from stresswatch.task.reading import TASK_VARIABLE
from tests.conftest import PROJECT

DREADDIT_ROW = {
    "subreddit": "ptsd",
    "post_id": "8601tu",
    "sentence_range": "(15, 20)",
    "text": "I cannot sleep, “again”",
    "label": "1",
    "social_timestamp": "1521614353",
} | dict.fromkeys(NUMERIC_FEATURES, "1.5")


def to_csv(rows, columns=tuple(DREADDIT_ROW)) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


@pytest.fixture(scope="session")
def train_csv() -> bytes:
    """As many rows as Dreaddit's training split has."""
    return to_csv(DREADDIT_ROW | {"post_id": f"p{number}"} for number in range(2838))


@pytest.fixture(scope="session")
def test_csv() -> bytes:
    return to_csv(DREADDIT_ROW | {"post_id": f"t{number}"} for number in range(715))


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def stresswatch(tmp_path, monkeypatch):
    """Run the command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STRESSWATCH_DATA_DIR", raising=False)

    def run(*arguments: str):
        return CliRunner().invoke(main.app, arguments, catch_exceptions=False)

    return run


@pytest.fixture
def write(tmp_path):
    """Write rows as a file in the format of its name."""

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
