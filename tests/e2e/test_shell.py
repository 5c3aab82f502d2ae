"""The tests' shell: its lines see the same terminal on every machine."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from local.endpoint import Endpoint
from tests.e2e.shell import Shell


@pytest.mark.parametrize(
    "surroundings",
    [
        pytest.param({"TERM": "dumb", "FORCE_COLOR": "1"}, id="dumb and coloured"),
        pytest.param({"TERM": "dumb", "TTY_COMPATIBLE": "1"}, id="dumb and compatible"),
    ],
)
def test_a_line_prints_to_a_wide_screen_without_colours(
    surroundings: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in surroundings.items():
        monkeypatch.setenv(name, value)
    program = (
        "from rich.console import Console as C; print(C().width, C().is_terminal, C().color_system)"
    )
    shell = Shell(tmp_path, Endpoint("http://127.0.0.1:1", "us-east-1"))
    (printed,) = shell.type([f"{sys.executable} -c '{program}'"], tmp_path)
    assert printed == "200 False None\n"
