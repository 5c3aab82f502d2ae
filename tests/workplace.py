"""A folder in which `make` works as in the project, and which leaves the project unchanged."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.conftest import PROJECT

MAKE_READS = ("Makefile", "pyproject.toml", "requirements.txt")


def fill(folder: Path, files: Iterable[str] = MAKE_READS) -> None:
    """Copy the project's files to a folder, with this environment as its own, up to date."""
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(PROJECT / name, folder / name)
    environment = folder / ".venv"
    environment.mkdir()
    for entry in Path(sys.prefix).iterdir():
        if entry.name != "installed":
            (environment / entry.name).symlink_to(entry)
    (environment / "installed").touch()
