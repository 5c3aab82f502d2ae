"""Another task with text and numeric features needs one file: docs/another-data-set.md."""

import json
import os
import subprocess
import sys

from stresswatch.task.reading import TASK_VARIABLE
from tests.conftest import PROJECT


def test_another_task_takes_a_file_that_defines_it(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "tests.integration.another_task", str(tmp_path)],
        cwd=PROJECT,
        env=os.environ | {TASK_VARIABLE: str(PROJECT / "tests" / "tasks" / "reviews.toml")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["numbers"] == ["stars", "days_owned", "pictures"]
    schemas = result["schemas"]
    assert set(schemas["post"]) >= {"review_id", "body", "stars", "days_owned", "pictures"}
    assert set(result["sent"]) <= set(schemas["post"])
    assert "helpful" in schemas["prediction"]
    assert set(schemas["archive-row"]) >= {"post_id", "helpful", "stars"}
    named = {name for schema in schemas.values() for name in schema}
    assert not any(name.startswith(("lex_", "stress")) for name in named)
    assert (result["floor"], result["accepted"]) == (0.65, True)
    assert result["answer"] == {"batchItemFailures": []}
    assert result["right"] > 0.75
    assert result["manifest"]["name"] == "reviews"
    assert "A post is classified as helpful if its probability is at least 0.5." in result["card"]
    assert "stress" not in result["card"].lower().replace("stresswatch", "")
    assert result["archived"] == 1
    assert result["smoke"] == 100, "not every post of a smoke test was predicted"
    assert result["selected"] == 3, "a retraining is told another number than there is"
