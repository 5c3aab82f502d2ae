"""Targets of `make` that work on a repository, typed into a copy of this one."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import PROJECT
from tests.workplace import fill

SETTINGS = "cdk_app/stages.py"
NOW, BEFORE = "silence_alarm_minutes: int = 60", "silence_alarm_minutes: int = 55"
WORKFLOW = ".github/workflows/test.yml"
LONGEST_SECONDS = 300


def type_(line: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Type a line where git knows nobody, as on a new machine; its output is all that it said."""
    person = {"NAME": "Somebody", "EMAIL": "somebody@example.com"}
    own = {f"GIT_{who}_{key}": person[key] for who in ("AUTHOR", "COMMITTER") for key in person}
    nobodys = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    return subprocess.run(
        line,
        shell=True,
        cwd=folder,
        env=os.environ | own | nobodys | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LONGEST_SECONDS,
        check=False,
    )


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is tracked here, as it lies here; one setting was another in the commit before."""
    known = type_("git ls-files", PROJECT)
    if known.returncode:
        pytest.skip(f"this is no repository of git: {known.stdout}")
    folder = tmp_path_factory.mktemp("repository")
    fill(folder, filter(lambda name: (PROJECT / name).is_file(), known.stdout.splitlines()))
    settings = (folder / SETTINGS).read_text()
    assert NOW in settings
    (folder / SETTINGS).write_text(settings.replace(NOW, BEFORE))
    commit = "git add --all && git commit --quiet --message"
    assert type_(f"git init --quiet --initial-branch main && {commit} Before", folder).stdout == ""
    (folder / SETTINGS).write_text(settings)
    assert type_(f"git switch --quiet --create change && {commit} After", folder).stdout == ""
    return folder


@pytest.mark.parametrize("line", ["make diff STAGE=dev", "make diff STAGE=staging BASE=HEAD~1"])
def test_the_diff_is_what_the_stage_has_now_and_had_not_at_the_commit(
    line: str, repository: Path
) -> None:
    done = type_(line, repository)
    if "npm error" in done.stdout:
        pytest.skip(f"npm cannot install CDK's command here: {done.stdout[-500:]}")
    assert done.returncode == 0, done.stdout
    changed = re.findall(r"^\[[-+~]\] (\S+) (\S+)", done.stdout, re.MULTILINE)
    assert [kind for kind, _ in changed] == ["AWS::CloudWatch::Alarm"], done.stdout
    assert "SilentStream" in changed[0][1]
    assert "Number of stacks with differences: 1" in done.stdout


def test_the_hooks_stop_a_commit_that_the_checks_refuse(repository: Path, tmp_path: Path) -> None:
    """All but mypy's, which takes half a minute where it has read nothing before."""
    made = type_("make hooks", repository)
    assert made.returncode == 0, made.stdout
    workflow = (repository / WORKFLOW).read_text()
    (repository / "unformatted.py").write_text("import os\nx = {  }\n")
    (repository / WORKFLOW).write_text(workflow.replace("runs-on:", "runs-at:"))
    variables = {"SKIP": "mypy", "PRE_COMMIT_HOME": str(tmp_path)}
    commit = "git add --all && git commit --message Next"
    stopped = type_(commit, repository, **variables)
    assert stopped.returncode == 1
    outcomes = re.findall(r"^([\w ]+?)\.{3,}.*?(\w+)$", stopped.stdout, re.MULTILINE)
    assert outcomes == [
        ("ruff check", "Failed"),
        ("ruff format", "Failed"),
        ("mypy", "Skipped"),
        ("schema of the workflows", "Failed"),
    ], stopped.stdout
    (repository / "unformatted.py").write_text('"""Nothing."""\n')
    (repository / WORKFLOW).write_text(workflow)
    passed = type_(commit, repository, **variables)
    assert passed.returncode == 0, passed.stdout
