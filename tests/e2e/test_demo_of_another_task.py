"""The story of `stresswatch demo` for a second task: reviews that readers find helpful."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from stresswatch.task.definition import read_task
from stresswatch.task.reading import TASK_VARIABLE
from tests.tested_tasks import OTHER_TASKS

PROGRAM = Path(sys.executable).with_name("stresswatch")
LONGEST_SECONDS = 3600


@pytest.mark.parametrize("file", OTHER_TASKS, ids=lambda file: file.stem)
def test_the_demo_runs_for_another_task_in_its_own_words(file: Path, tmp_path: Path) -> None:
    task = read_task(file)
    demo = subprocess.run(
        [PROGRAM, "demo", "--output", "demo"],
        cwd=tmp_path,
        env=os.environ | {TASK_VARIABLE: str(file), "COLUMNS": "100"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LONGEST_SECONDS,
        check=False,
    )
    assert demo.returncode == 0, demo.stdout
    files = {
        path.name: path.read_text() for path in (tmp_path / "demo").iterdir() if path.is_file()
    }
    summary = json.loads(files["summary.json"])
    assert summary["task"] == task.name
    assert (summary["lost"], summary["duplicates"], summary["quarantined"]) == (0, 0, 4)
    assert [window["alarm"] for window in summary["drift"][:3]] == [False, False, True]
    assert set(task.feature_names) < summary["drift"][2]["features"].keys()
    assert summary["retraining"]["trigger"] == "drift_alarm"
    assert summary["champion_after"] == summary["retraining"]["gate"]["version"]
    assert summary["brier_after"] < summary["brier_before"]
    rate = f"{task.label.rate.capitalize()} of the unseen communities"
    assert rate in demo.stdout
    assert rate in files["report.html"]
    files["what is printed"] = demo.stdout
    of_stress = re.compile(r"stress(?!watch)", re.IGNORECASE)
    assert {name: said for name in files if (said := of_stress.findall(files[name]))} == {}
