"""What GitHub runs: nothing that is not pinned, with no right but to read, and not for ever."""

import re

import pytest
import yaml

from tests.conftest import PROJECT

WORKFLOWS = sorted((PROJECT / ".github" / "workflows").glob("*.yml"))
PINNED = re.compile(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
PACKAGE = re.compile(r"sudo apt-get install --yes [a-z-]+")
MAKEFILE = (PROJECT / "Makefile").read_text()


def jobs(workflow):
    return yaml.safe_load(workflow.read_text())["jobs"].values()


@pytest.fixture(params=WORKFLOWS, ids=lambda path: path.stem)
def workflow(request):
    return request.param


def test_there_is_one_for_the_tests_and_one_for_security():
    assert [path.stem for path in WORKFLOWS] == ["security", "test"]


def test_every_action_is_a_commit_and_says_its_version(workflow):
    lines = [line for line in workflow.read_text().splitlines() if "uses:" in line]
    assert [line for line in lines if not PINNED.search(line)] == []
    assert len(lines) == sum("uses" in step for job in jobs(workflow) for step in job["steps"])


def test_a_workflow_may_read_and_do_nothing_else(workflow):
    assert yaml.safe_load(workflow.read_text())["permissions"] == {"contents": "read"}
    assert not [job for job in jobs(workflow) if "permissions" in job]


def test_a_job_ends_and_gives_way_to_a_newer_one(workflow):
    assert yaml.safe_load(workflow.read_text())["concurrency"]["cancel-in-progress"] is True
    assert all(0 < job["timeout-minutes"] <= 30 for job in jobs(workflow))


def test_a_job_runs_what_anybody_can_run_here(workflow):
    for job in jobs(workflow):
        steps = [step["run"] for step in job["steps"] if "run" in step]
        commands = [one for one in steps if not PACKAGE.fullmatch(one)]
        (target,) = [re.fullmatch(r"make (\w+) PYTHON=python", one)[1] for one in commands]
        assert f"\n{target}: " in MAKEFILE


def test_the_tests_run_on_the_oldest_python_and_on_that_of_the_functions():
    job, *_ = jobs(PROJECT / ".github" / "workflows" / "test.yml")
    assert job["strategy"]["matrix"]["python"] == ["3.11", "3.13"]


def test_every_file_of_locked_requirements_is_audited():
    (audited,) = re.findall(r"^LOCKED := (.*)$", MAKEFILE, flags=re.MULTILINE)
    locked = [
        str(path.relative_to(PROJECT))
        for folder in ("", "lambdas", "layers", "training_jobs")
        for path in (PROJECT / folder).glob("**/requirements.txt" if folder else "requirements.txt")
    ]
    assert sorted(audited.split()) == sorted(locked)
