"""`python -m cli`, which the script `stresswatch` calls: its handling of `STRESSWATCH_TASK`."""

import os
import subprocess
import sys

import pytest

from stresswatch.task.reading import TASK_VARIABLE
from tests.conftest import PROJECT
from tests.tested_tasks import STRESS

LAYER = PROJECT / "layers/stresswatch/python"


def call(module, folder, task, *words):
    return subprocess.run(
        [sys.executable, "-m", module, *words],
        cwd=folder,
        env=os.environ | {TASK_VARIABLE: task, "PYTHONPATH": f"{LAYER}:{PROJECT}"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_task_path_may_be_relative_to_the_working_directory(tmp_path):
    other = STRESS.read_text().replace('name = "sentiment"', 'name = "mood"')
    (tmp_path / "task.toml").write_text(other)
    done = call("cli", tmp_path, "task.toml", "--version")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("module", ["cli", "cdk_app"])
def test_a_missing_task_file_is_a_one_line_error(tmp_path, module):
    done = call(module, tmp_path, str(tmp_path / "task.toml"))
    assert done.returncode == 1
    assert done.stderr == (
        f"{tmp_path}/task.toml: No such file or directory. STRESSWATCH_TASK names it: correct it, "
        "or unset the variable.\n"
    )
