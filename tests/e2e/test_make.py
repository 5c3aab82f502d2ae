"""Targets of `make` that work on a repository, typed into a copy of this one."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from cdk_app.settings.stage import LONGEST_NAME
from cdk_app.settings.stages import STAGES
from tests.e2e.checkout import NOBODY, commit, git, repository

SETTINGS = "cdk_app/settings/monitoring.py"
NOW, BEFORE = (
    f"silence_alarm_minutes: int = Field(\n        default={minutes}," for minutes in (60, 30)
)
WORKFLOW = ".github/workflows/test.yml"
LONGEST_SECONDS = 900


def type_(line: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Type a line without personal git settings; its output must be complete."""
    return subprocess.run(
        line,
        shell=True,
        cwd=folder,
        env=os.environ | NOBODY | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LONGEST_SECONDS,
        check=False,
    )


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project; its previous commit has one other setting."""
    folder = repository(tmp_path_factory.mktemp("project"))
    settings = (folder / SETTINGS).read_text()
    assert NOW in settings
    (folder / SETTINGS).write_text(settings.replace(NOW, BEFORE))
    commit(folder)
    (folder / SETTINGS).write_text(settings)
    git(folder, "switch", "--quiet", "--create", "change")
    commit(folder)
    return folder


@pytest.mark.parametrize("line", ["make diff STAGE=dev", "make diff STAGE=staging BASE=HEAD~1"])
def test_the_diff_shows_changes_since_the_base_commit(line: str, project: Path) -> None:
    done = type_(line, project)
    if "npm error" in done.stdout:
        pytest.skip(f"npm cannot install CDK's command here: {done.stdout[-500:]}")
    assert done.returncode == 0, done.stdout
    changed = re.findall(r"^\[[-+~]\] (\S+) (\S+)", done.stdout, re.MULTILINE)
    assert [kind for kind, _ in changed] == ["AWS::CloudWatch::Alarm"], done.stdout
    assert "SilentStream" in changed[0][1]
    assert "Number of stacks with differences: 1" in done.stdout


def test_the_hooks_reject_a_commit_that_fails_the_checks(project: Path, tmp_path: Path) -> None:
    """All checks except mypy's, which takes half a minute without a cache."""
    made = type_("make hooks", project)
    assert made.returncode == 0, made.stdout
    workflow = (project / WORKFLOW).read_text()
    (project / "unformatted.py").write_text("import os\nx = {  }\n")
    (project / WORKFLOW).write_text(workflow.replace("runs-on:", "runs-at:"))
    variables = {"SKIP": "mypy", "PRE_COMMIT_HOME": str(tmp_path)}
    next_commit = "git add --all && git commit --message Next"
    stopped = type_(next_commit, project, **variables)
    assert stopped.returncode == 1
    outcomes = re.findall(r"^([\w ]+?)\.{3,}.*?(\w+)$", stopped.stdout, re.MULTILINE)
    assert outcomes == [
        ("ruff check", "Failed"),
        ("ruff format", "Failed"),
        ("mypy", "Skipped"),
        ("schema of the workflows", "Failed"),
    ], stopped.stdout
    (project / "unformatted.py").write_text('"""Nothing."""\n')
    (project / WORKFLOW).write_text(workflow)
    passed = type_(next_commit, project, **variables)
    assert passed.returncode == 0, passed.stdout
    refused = type_("git commit --allow-empty --message Next.", project, **variables)
    assert refused.returncode == 1, refused.stdout


@pytest.mark.parametrize(
    ("message", "status"),
    [
        ("Fix the replay", 0),
        ("Fix the replay\n\nIt sent records twice.", 0),
        ("Fix the replay\n# Please enter the commit message", 0),
        ("x" * 72, 0),
        ("x" * 73, 1),
        ("Fix the replay.", 1),
        ("Fix the replay\nIt sent records twice.", 1),
    ],
)
def test_the_hooks_check_the_subject_of_a_commit(
    project: Path, tmp_path: Path, message: str, status: int
) -> None:
    (tmp_path / "message").write_text(message)
    hook = f"pre-commit run --hook-stage commit-msg --commit-msg-filename {tmp_path / 'message'}"
    done = type_(hook, project, PRE_COMMIT_HOME=str(tmp_path / "home"))
    assert done.returncode == status, done.stdout


def test_each_stage_passes_the_aws_rule_checks(project: Path) -> None:
    done = type_("make aws-check", project)
    assert done.returncode == 0, done.stdout
    checked = re.findall(r"^(\w+): \d+ rules", done.stdout, re.MULTILINE)
    assert checked == [*STAGES, "a" * LONGEST_NAME]
    assert "\n0 faults" in done.stdout
    if "NOT CHECKED" in done.stdout:
        pytest.skip(f"npm cannot install asl-validator here: {done.stdout[-500:]}")
    assert "every state machine" in done.stdout
