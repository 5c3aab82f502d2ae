"""Shell lines that convert a rejected file."""

from __future__ import annotations

import shlex
from itertools import chain, count
from pathlib import Path


def conversion(path: Path, command: str, to: str, *, is_packed: bool) -> str:
    """Return the shell line that converts a file with a command, to a new file."""
    name, to = shlex.quote(str(path)), _unused(to)
    return f"gzip -dc {name} | {command} > {to}" if is_packed else f"{command} {name} > {to}"


def _unused(name: str) -> str:
    """Return a file name, numbered if it exists: a shell would empty that file first."""
    stem, dot, suffix = name.partition(".")
    numbered = (f"{stem}-{number}{dot}{suffix}" for number in count(2))
    return next(one for one in chain([name], numbered) if not Path(one).exists())
