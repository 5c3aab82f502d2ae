"""Another task with text and numeric features needs one file: docs/another-data-set.md."""

import json
import os
import subprocess
import sys

import pytest

from stresswatch.task.definition import read_task
from stresswatch.task.reading import TASK_VARIABLE
from tests.conftest import PROJECT
from tests.tested_tasks import OTHER_TASKS


@pytest.mark.parametrize("file", OTHER_TASKS, ids=lambda file: file.stem)
def test_one_definition_file_is_enough_for_another_task(file, tmp_path):
    task = read_task(file)
    done = subprocess.run(
        [sys.executable, "-m", "tests.integration.another_task", str(tmp_path)],
        cwd=PROJECT,
        env=os.environ | {TASK_VARIABLE: str(file)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    names = set(task.feature_names)
    assert result["numbers"] == list(task.feature_names)
    schemas = result["schemas"]
    assert set(schemas["post"]) >= {task.fields.id, task.fields.text, *names}
    assert set(result["sent"]) <= set(schemas["post"])
    assert task.label.field in schemas["prediction"]
    assert set(schemas["archive-row"]) >= {"post_id", task.label.field, *names}
    named = {name for schema in schemas.values() for name in schema}
    assert not any(name.startswith(("lex_", "stress")) for name in named)
    assert (result["floor"], result["accepted"]) == (task.gate.minimum_roc_auc, True)
    assert "improvement in Brier score, new holdout" in result["failed"], "nothing is learned"
    assert result["answer"] == {"batchItemFailures": []}
    assert result["right"] > 0.75
    assert result["manifest"] == task.identity
    assert f"A post is classified as {task.label.name(1)} if" in result["card"]
    assert "stress" not in result["card"].lower().replace("stresswatch", "")
    assert (result["archived"], result["settled"]) == (1, [100, 100])
    assert result["smoke"] == 100, "not every post of a smoke test was predicted"
    assert result["baseline"] == result["sent"][task.fields.id]
    assert all(result["dealt"]), "a benchmark lacks posts of a kind"
    assert result["selected"] == max(1, len(names)), "a retraining needs the number"
