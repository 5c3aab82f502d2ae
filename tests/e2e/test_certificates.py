"""Downloads where TLS is inspected: only the system knows the issuer.

Where nothing inspects TLS, these tests pass by either list.
"""

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
"""Variables that say nothing of certificates."""


@pytest.mark.parametrize("program", DOWNLOADS)
def test_make_downloads_with_the_certificates_of_the_system(program: str, tmp_path: Path) -> None:
    fill(tmp_path)
    done = subprocess.run(
        ["make", "--eval", f"probe:\n\t{DOWNLOADS[program]}", "probe"],
        cwd=tmp_path,
        env={name: os.environ[name] for name in KEPT},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if "ENOTFOUND" in done.stderr or "dns error" in done.stderr:
        pytest.skip(f"there is no network: {done.stderr[-300:]}")
    assert done.returncode == 0, done.stderr
    assert any((tmp_path / "packages").iterdir())
