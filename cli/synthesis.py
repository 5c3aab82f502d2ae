"""Synthesize the CDK app, as `make synth` does, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from cli.errors import OperatorError

PROJECT = Path(__file__).parents[1]


def synthesize(directory: Path) -> Path:
    """Write the cloud assembly of the stage dev to a directory; give the directory.

    Raises
    ------
    OperatorError
        When the app does not synthesize.
    """
    done = subprocess.run(
        [sys.executable, "-m", "cdk_app"],
        cwd=PROJECT,
        env=os.environ | {"CDK_OUTDIR": str(directory.resolve()), "STAGE": "dev"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise OperatorError(f"The stack does not synthesize:\n{done.stderr.strip()[-2000:]}")
    return directory
