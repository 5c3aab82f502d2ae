"""The Amazon States Language, checked by asl-validator from npm."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PACKAGE = "asl-validator@4.0.0"
_SECONDS = 300


class Unreachable(RuntimeError):
    """npm cannot install the package here."""


def faults(definitions: Mapping[str, Any]) -> list[str]:
    """Return asl-validator's messages about invalid definitions, by name.

    Raises
    ------
    Unreachable
    """
    _install()
    with tempfile.TemporaryDirectory() as folder:
        arguments = []
        for name, definition in definitions.items():
            path = Path(folder, f"{name}.json")
            path.write_text(json.dumps(definition))
            arguments += ["--json-path", str(path)]
        done = _npx("asl-validator", *arguments)
    if done.returncode == 0:
        return []
    said = (done.stdout + done.stderr).splitlines()
    return [line for line in said if line.strip() and not line.startswith(("npm warn", "✓"))]


def _install() -> None:
    done = _npx("true")
    if done.returncode:
        raise Unreachable(f"npm cannot install {PACKAGE} here")


def _npx(*command: str) -> subprocess.CompletedProcess[str]:
    npx = Path(sys.executable).with_name("npx")
    return subprocess.run(  # noqa: S603 - a pinned package
        [npx, "--yes", "--package", PACKAGE, "--", *command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
