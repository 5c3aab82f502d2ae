"""An aborted test run leaves no local stack behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import local
from local.daemon import OWNER_VARIABLE
from tests.conftest import PROJECT
from tests.e2e.local_stack.small_stack import nothing_runs_in
from tests.e2e.small_app import write_app
from tests.e2e.waiting import eventually

ABORTED = """
import os
import signal
from pathlib import Path

import local


def test_that_is_killed_while_its_stack_runs():
    stack = local.up(Path({stack!r}), template_directory=Path({app!r}), on_progress=print)
    Path({ready!r}).write_text(stack.endpoint)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_test_run_leaves_no_local_stack(tmp_path: Path) -> None:
    stack, ready = tmp_path / "stack", tmp_path / "ready"
    file = tmp_path / "test_aborted.py"
    places = {"stack": str(stack), "app": str(write_app(tmp_path / "app")), "ready": str(ready)}
    file.write_text(ABORTED.format_map(places))
    # The run that this test is part of would keep its stack alive.
    surroundings = {name: value for name, value in os.environ.items() if name != OWNER_VARIABLE}
    options = ("-n", "0", "-p", "tests.conftest", "--rootdir", str(tmp_path), "-c", os.devnull)
    try:
        killed = subprocess.run(
            [sys.executable, "-m", "pytest", *options, str(file)],
            cwd=PROJECT,
            env=surroundings,
            capture_output=True,
            text=True,
            check=False,
        )
        assert killed.returncode == -signal.SIGKILL, killed.stdout + killed.stderr
        assert ready.exists()
        eventually("end of the stack's processes", lambda: nothing_runs_in(stack), 300.0)
    finally:
        local.down(stack)
