"""Build the wheel and install it, with its dependencies, in a separate environment."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

from tests.conftest import PROJECT
from tests.e2e.checkout import repository

UV = Path(sys.executable).with_name("uv")


def install(folder: Path) -> Path:
    """Return the program folder of an environment with the wheel."""
    # A copy: setuptools packs what an earlier build left in the source as well.
    source = folder / "source"
    source.mkdir()
    _uv("build", "--wheel", "--out-dir", str(folder), str(repository(source)))
    (wheel,) = folder.glob("*.whl")
    environment = folder / "environment"
    _uv("venv", "--python", sys.executable, str(environment))
    _uv(
        *("pip", "install", "--python", str(environment), f"{wheel}[cli]"),
        *("--constraint", str(PROJECT / "requirements.txt")),
    )
    _share_byte_code(environment)
    return environment / "bin"


def _share_byte_code(environment: Path) -> None:
    """Let packages use the byte code of the same files in this environment, if it has any."""
    compiled = Path(sysconfig.get_path("purelib"))
    (packages,) = environment.glob("lib/python*/site-packages")
    for cache in compiled.rglob("__pycache__"):
        package = packages / cache.parent.relative_to(compiled)
        if package.is_dir():
            (package / cache.name).symlink_to(cache)


def _uv(*words: str) -> None:
    done = subprocess.run([UV, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
