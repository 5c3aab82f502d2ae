"""Downloads behind TLS inspection: only the system trusts the issuer."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.workplace import fill

DOWNLOADS = {
    "uv": "$(BIN)/uv pip install --no-cache --no-deps --target packages six==1.17.0",
    "npm": "$(BIN)/npx --yes --cache packages --package is-number@7.0.0 -- true",
}
KEPT = ("PATH", "HOME")
"""Variables without settings for certificates."""


def make(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a line with `make`, in its own target."""
    fill(folder)
    return subprocess.run(
        ["make", "--eval", f"probe:\n\t{line}", "probe"],
        cwd=folder,
        env={name: os.environ[name] for name in KEPT},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


@pytest.mark.parametrize("setting", ["UV_SYSTEM_CERTS=true", "NODE_USE_SYSTEM_CA=1"])
def test_make_has_programs_trust_the_systems_certificates(setting: str, tmp_path: Path) -> None:
    assert setting in make("@env", tmp_path).stdout.splitlines()


@pytest.mark.parametrize("program", DOWNLOADS)
def test_make_downloads_with_the_systems_certificates(program: str, tmp_path: Path) -> None:
    """Without TLS inspection, it passes with either list."""
    done = make(DOWNLOADS[program], tmp_path)
    if "ENOTFOUND" in done.stderr or "dns error" in done.stderr:
        pytest.skip(f"there is no network: {done.stderr[-300:]}")
    assert done.returncode == 0, done.stderr
    assert any((tmp_path / "packages").iterdir())
