"""The command in hints, in the words that a reader can type in this terminal."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from pathlib import Path

NAME = "stresswatch"
_CALL = re.compile(rf"(?<![\w./-]){NAME}(?= [a-z])")


def program() -> str:
    """Return the command's name, or the path that it was called by if a shell cannot find it."""
    called = Path(sys.argv[0])
    if called.name != NAME or not called.is_file():
        return NAME
    found = shutil.which(NAME)
    return NAME if found and called.samefile(found) else shlex.quote(sys.argv[0])


def as_called(text: str) -> str:
    """Return a text whose lines for the terminal name the command as it was called."""
    return _CALL.sub(lambda _: program(), text) if NAME in text else text
