"""Code for any task is free of stress."""

import re

from tests.conftest import PROJECT

PRODUCT = ("layers", "lambdas", "cdk_app", "training_jobs", "cli", "local", "grafana")
"""Folders with code for any task."""


def lines_about_stress(project):
    """Return the lines of code about the stress task outside its definition and its data."""
    named = re.compile(r"(?<![./])stress(?!watch)", re.IGNORECASE)  # paths may name its places
    return {
        f"{path.relative_to(project).as_posix()}: {line.strip()}"
        for folder in PRODUCT
        for path in (project / folder).rglob("*")
        if path.suffix in {".py", ".sql", ".j2"} and "cli/data/stress" not in path.as_posix()
        for line in path.read_text().splitlines()
        if named.search(line)
    }


def test_only_task_specific_code_mentions_stress(tmp_path):
    assert lines_about_stress(PROJECT) == set()
    for place in ("cli/data/stress/posts.py", "layers/rates.py", "docs/pages.py"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text('TITLE = "Stress rate"\nNAME = "stresswatch"\n')
    assert lines_about_stress(tmp_path) == {'layers/rates.py: TITLE = "Stress rate"'}
