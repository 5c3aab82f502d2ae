"""The command in hints, in the words that a reader can type in this terminal."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from collections.abc import Iterator, Set
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import NamedTuple

NAME = "stresswatch"
DEFAULT_STAGE = "dev"
_CALL = re.compile(rf"(?<![\w./-]){NAME} (?P<words>[a-z]+(?: [a-z]+)?)(?P<rest>[^`\n]*)")
_HAS_TARGET = re.compile(r" --(local|stage)\b")


class _Target(NamedTuple):
    """The options of the running command's target, and the commands that take them."""

    options: str = ""
    commands: Set[str] = frozenset()


_target: ContextVar[_Target] = ContextVar("_target")


def program() -> str:
    """Return the command's name, or the path that it was called by if a shell cannot find it."""
    called = Path(sys.argv[0])
    if called.name != NAME or not called.is_file():
        return NAME
    found = shutil.which(NAME)
    return NAME if found and called.samefile(found) else shlex.quote(sys.argv[0])


@contextmanager
def hints_for(commands: Set[str], *, on_local: bool, stage: str) -> Iterator[None]:
    """Add the options of a target to hints that name one of the commands."""
    at_stage = "" if stage == DEFAULT_STAGE else f" --stage {shlex.quote(stage)}"
    token = _target.set(_Target(" --local" if on_local else at_stage, commands))
    try:
        yield
    finally:
        _target.reset(token)


def as_called(text: str) -> str:
    """Return a text whose hints name the command and its target as they were called."""
    return _CALL.sub(_typed, text) if NAME in text else text


def _typed(hint: re.Match[str]) -> str:
    options, commands = _target.get(_Target())
    words, rest = hint["words"], as_called(hint["rest"])
    if not _HAS_TARGET.search(rest):
        for command in (words, words.partition(" ")[0]):
            if command in commands:
                words = command + options + words.removeprefix(command)
                break
    return f"{program()} {words}{rest}"
