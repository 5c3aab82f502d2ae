"""The packages of Lambda's runtime beside a function's code: its client and AWS's SDK."""

from __future__ import annotations

import platform
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from cdk_app.bundling import PYTHON_VERSION
from tests.conftest import PROJECT

WHEELS = f"{platform.machine()}-manylinux_2_28"
UV = Path(sys.executable).with_name("uv")
_PACKAGES = (
    "awslambdaric simplejson snapshot-restore-py "
    "boto3 botocore jmespath python-dateutil s3transfer six urllib3"
).split()


def install_runtime(target: Path) -> None:
    """Install them at the project's versions, for the functions' Python and this machine."""
    blocks = re.split(r"^(?=[a-z])", (PROJECT / "requirements.txt").read_text(), flags=re.MULTILINE)
    wanted = [block for block in blocks if block.partition("==")[0] in _PACKAGES]
    assert len(wanted) == len(_PACKAGES)
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as requirements:
        requirements.write("".join(wanted))
        requirements.flush()
        subprocess.run(
            [UV, "pip", "install", "--quiet", "--no-deps", "--require-hashes",
             "--only-binary", ":all:", "--python-platform", WHEELS,
             "--python-version", PYTHON_VERSION,
             "--target", target, "--requirement", requirements.name],
            check=True,
        )  # fmt: skip


def find_python() -> str | None:
    """Return an interpreter of the functions' version, if this machine has one."""
    found = subprocess.run(
        [UV, "python", "find", "--no-project", "--system", PYTHON_VERSION],
        capture_output=True,
        text=True,
        check=False,
    )
    # uv sees pyenv's interpreters only if a folder or a variable selects them.
    others = Path.home().glob(f".pyenv/versions/{PYTHON_VERSION}.*/bin/python")
    return found.stdout.strip() or next(map(str, others), None)
