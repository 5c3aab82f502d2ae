"""A newcomer in an empty folder, who types a page line by line."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.documented import TYPED_BY, commands

PROGRAM = Path(sys.executable).with_name("stresswatch")
LONGEST_SECONDS = 1800
LOOK = {
    "output": "..header.children...snapshot.children..",
    "outputs": [{"id": name, "property": "children"} for name in ("header", "snapshot")],
    "inputs": [
        {"id": "clock", "property": "n_intervals", "value": None},
        {"id": "span", "property": "value", "value": "1 hour"},
    ],
}
"""Requests of the dashboard's page to its server when a browser opens it."""


def lines(page: str, section: str) -> list[str]:
    """Return a section's lines, except those that other tests type."""
    found = [one.line for one in commands() if (one.page, one.section) == (page, section)]
    return [line for line in found if line not in TYPED_BY]


def name_of(line: str) -> str:
    """Return a line's command, such as ``seed`` or ``data synthesize``."""
    first, *words = shlex.split(line)
    return first if first == "export" else " ".join(words[: 1 + (words[0] in ("data", "task"))])


@dataclass
class Newcomer:
    """A folder, and the variables that were set in its shell."""

    folder: Path
    columns: int = 120
    variables: dict[str, str] = field(default_factory=dict)

    def type(self, line: str) -> str:
        """Type a line, and return its output; Ctrl-C ends a page that is served."""
        first, *words = shlex.split(line.replace("$PWD", str(self.folder)))
        if first == "export":
            self.variables |= dict(word.split("=") for word in words)
            return ""
        if words[0] == "dashboard":
            return self._look_at_the_page(words)
        done = subprocess.run(
            [PROGRAM, *words],
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            text=True,
            input="y\n",
            timeout=LONGEST_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"
        return done.stdout

    def _look_at_the_page(self, words: Sequence[str]) -> str:
        """Open the dashboard on a free port; return its parts."""
        with subprocess.Popen(
            [PROGRAM, *words, "--port", "0"],
            cwd=self.folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            text=True,
        ) as served:
            assert served.stdout
            address = re.search(r"http://[0-9.:]+", served.stdout.readline())
            assert address
            look = urllib.request.Request(
                f"{address[0]}/_dash-update-component",
                json.dumps(LOOK).encode(),
                {"Content-Type": "application/json"},
            )
            with urllib.request.urlopen(look, timeout=LONGEST_SECONDS) as page:
                shown = str(page.read().decode())
            served.send_signal(signal.SIGINT)
        return shown

    @property
    def _environment(self) -> dict[str, str]:
        return os.environ | self.variables | {"COLUMNS": str(self.columns)}
