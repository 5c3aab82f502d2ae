"""A repository copy of the project, in which git's and CDK's own commands work."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PROJECT
from tests.workplace import fill

NOBODY = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
"""Variables that hide personal git settings, as on a new machine."""
PROGRAMS = Path(sys.executable).parent
NPX = f"""#!/bin/sh
PYTHONPATH={PROJECT} exec {sys.executable} -m tests.e2e.npx {PROGRAMS / "npx"} "$@"
"""


def repository(folder: Path) -> Path:
    """Copy the project's files to a repository without a commit, and return its folder."""
    try:
        known = git(PROJECT, "ls-files", "--cached", "--others", "--exclude-standard")
    except subprocess.CalledProcessError as error:
        pytest.skip(f"this is no repository of git: {error.stderr}")
    fill(folder, (name for name in known.splitlines() if (PROJECT / name).is_file()))
    git(folder, "init", "--quiet", "--initial-branch", "main")
    git(folder, "config", "user.name", "Somebody")
    git(folder, "config", "user.email", "somebody@example.com")
    return folder


def replace_npx(folder: Path) -> None:
    """Deploy to the emulator with CDK's command, in the environment of a checkout."""
    programs = folder / ".venv" / "bin"
    programs.unlink()
    programs.mkdir()
    for program in PROGRAMS.iterdir():
        if program.name != "npx":
            (programs / program.name).symlink_to(program)
    (programs / "npx").write_text(NPX)
    (programs / "npx").chmod(0o755)


def commit(folder: Path) -> str:
    """Commit all changes, and return the commit."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--no-verify", "--message", "Changed")
    return git(folder, "rev-parse", "HEAD")


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", *words],
        cwd=folder,
        env=os.environ | NOBODY,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()
