"""The story of `stresswatch demo` for a second task: reviews that readers find helpful."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from stresswatch.task.reading import TASK_VARIABLE
from tests.conftest import PROJECT

PROGRAM = Path(sys.executable).with_name("stresswatch")
TASK = PROJECT / "tests" / "tasks" / "reviews.toml"
LONGEST_SECONDS = 3600


def test_the_whole_loop_is_played_and_mentions_the_task(tmp_path: Path) -> None:
    demo = subprocess.run(
        [PROGRAM, "demo", "--output", "demo"],
        cwd=tmp_path,
        env=os.environ | {TASK_VARIABLE: str(TASK), "COLUMNS": "100"},
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
    assert summary["task"] == "reviews"
    assert (summary["lost"], summary["duplicates"], summary["quarantined"]) == (0, 0, 4)
    assert [window["alarm"] for window in summary["drift"][:3]] == [False, False, True]
    assert {"stars", "days_owned", "pictures"} < summary["drift"][2]["columns"].keys()
    assert summary["retraining"]["trigger"] == "drift_alarm"
    assert summary["champion_after"] == summary["retraining"]["gate"]["version"]
    assert summary["brier_after"] < summary["brier_before"]
    assert "Helpfulness rate of the unseen communities" in demo.stdout
    assert "Helpfulness rate of the unseen communities" in files["report.html"]
    files["what is printed"] = demo.stdout
    of_stress = re.compile(r"stress(?!watch|_rate)", re.IGNORECASE)
    assert {name: said for name in files if (said := of_stress.findall(files[name]))} == {}
