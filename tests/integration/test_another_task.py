"""Another task of text and numbers takes a change of one file, as docs/another-data-set.md says."""

import json
import os
import re
import shutil
import subprocess
import sys

from tests.conftest import PROJECT

CODE = ("cdk_app", "cli", "lambdas", "layers", "local", "tests", "training_jobs", "verification")
CONTRACT = "layers/stresswatch/python/stresswatch/contracts/posts.py"


def test_another_tasks_numbers_need_a_change_of_the_contract_alone(
    tmp_path,
):
    copy = tmp_path / "project"
    for folder in CODE:
        shutil.copytree(PROJECT / folder, copy / folder, ignore=shutil.ignore_patterns("*.pyc"))
    contract, changes = re.subn(
        r"^NUMERIC_FEATURES = \(.*?^\)",
        'NUMERIC_FEATURES = ("stars", "days_owned", "pictures")',
        (copy / CONTRACT).read_text(),
        flags=re.MULTILINE | re.DOTALL,
    )
    assert changes == 1
    (copy / CONTRACT).write_text(contract)

    done = subprocess.run(
        [sys.executable, "-m", "tests.integration.another_task", str(tmp_path)],
        cwd=copy,
        env=os.environ | {"PYTHONPATH": str(copy / "layers/stresswatch/python")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["numbers"] == ["stars", "days_owned", "pictures"]
    assert set(result["schema"]) >= {"text", "stars", "days_owned", "pictures"}
    assert not any(name.startswith("lex_") for name in result["schema"])
    assert result["answer"] == {"batchItemFailures": []}
    assert result["right"] > 0.9
    assert result["archived"] == 1
    assert result["smoke"] == 100, "not every post of a smoke test was predicted"
    assert result["selected"] == 3, "a retraining is told another number than there is"
