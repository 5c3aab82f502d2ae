"""A shell for typing the documentation's lines, with the emulator as its account."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local.endpoint import Endpoint
from tests.conftest import PROJECT

LONGEST_SECONDS = 300
_MARK = "\x1e"
_NOT_FOR_LINES = {"STRESSWATCH_DATA_DIR", "FORCE_COLOR", "TTY_COMPATIBLE"}
"""The folder of real posts, which a line would overwrite, and what makes Rich see a terminal."""


class LineFailed(AssertionError):
    """A line of the documentation failed, or one of its variables is not set."""


@dataclass(frozen=True)
class Shell:
    """Bash, with a folder's programs before all others, and an endpoint to work on."""

    programs: Path
    endpoint: Endpoint

    def type(
        self,
        lines: Sequence[str],
        folder: Path,
        words: Mapping[str, str] | None = None,
        variables: Mapping[str, str] | None = None,
        answer: str = "",
    ) -> list[str]:
        """Type lines into one shell, in a folder; return each line's output.

        Placeholders are replaced by words, and the stage by the deployed one. A line that
        prompts gets the answer.

        Raises
        ------
        LineFailed
        """
        script = "".join(f"printf '{_MARK}'\n{filled(line, words or {})}\n" for line in lines)
        environment = _surroundings() | {
            "AWS_ENDPOINT_URL": self.endpoint.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": self.endpoint.region,
            "AWS_DEFAULT_REGION": self.endpoint.region,
            "COLUMNS": "200",
            "PATH": os.pathsep.join(
                [str(self.programs), str(Path(sys.executable).parent), os.environ["PATH"]]
            ),
            "STAGE": "dev",
        }
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=folder,
            env=environment | (variables or {}),
            input=answer,
            capture_output=True,
            text=True,
            timeout=LONGEST_SECONDS,
            check=False,
        )
        printed = done.stdout.split(_MARK)[1:]
        if done.returncode:
            raise LineFailed(
                f"{lines[len(printed) - 1]}\nended with {done.returncode}: "
                f"{printed[-1]}{done.stderr}"
            )
        return printed


def _surroundings() -> dict[str, str]:
    """Return the environment's variables for lines, with a terminal of any width."""
    kept = {name: value for name, value in os.environ.items() if name not in _NOT_FOR_LINES}
    return kept | {"TERM": "xterm"}


def filled(line: str, words: Mapping[str, str]) -> str:
    """Replace placeholders with words, the longest first, and the stage with the deployed one."""
    for placeholder in sorted(words, key=len, reverse=True):
        line = line.replace(placeholder, words[placeholder])
    return re.sub(r"--stage (staging|prod)\b", "--stage dev", line)


@contextmanager
def started(folder: Path, endpoint: Endpoint) -> Iterator[Shell]:
    """Yield a shell with `aws` and `stresswatch` that start at once, from a folder."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.e2e.warm", str(folder)],
        cwd=PROJECT,
        env=_surroundings(),
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        try:
            assert server.stdout
            assert server.stdout.readline() == "ready\n"
            yield Shell(folder, endpoint)
        finally:
            server.terminate()
