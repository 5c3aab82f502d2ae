"""GitHub's workflows: pinned versions, minimal permissions, and time limits."""

import os
import re
import subprocess
from functools import partial
from importlib import metadata

import pytest
import yaml

from tests.conftest import PROJECT

WORKFLOWS = {path.stem: path for path in (PROJECT / ".github" / "workflows").glob("*.yml")}
PINNED = re.compile(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
MAKEFILE = (PROJECT / "Makefile").read_text()
BY_OIDC = {"contents": "read", "id-token": "write"}
MORE_THAN_READING = {
    ("diff", "comment"): {"pull-requests": "write"},
    ("deploy", "staging"): BY_OIDC,
    ("deploy", "production"): BY_OIDC,
    ("deploy-stage", "deploy"): BY_OIDC,
    ("release", "release"): {
        "contents": "write",
        "id-token": "write",
        "attestations": "write",
    },
}


def parsed(name):
    return yaml.safe_load(WORKFLOWS[name].read_text())


def jobs(name):
    return parsed(name)["jobs"]


def steps(name):
    return [step for job in jobs(name).values() for step in job.get("steps", [])]


@pytest.fixture(params=sorted(WORKFLOWS))
def workflow(request):
    return request.param


def test_the_expected_workflows_exist():
    assert sorted(WORKFLOWS) == ["deploy", "deploy-stage", "diff", "release", "security", "test"]


def test_every_action_is_pinned_to_a_commit_with_its_version(workflow):
    lines = [line for line in WORKFLOWS[workflow].read_text().splitlines() if "uses:" in line]
    actions = [line for line in lines if "uses: ./.github/workflows/" not in line]
    assert [line for line in actions if not PINNED.search(line)] == []
    assert len(actions) == sum("uses" in step for step in steps(workflow))


def test_workflows_may_only_read_except_for_the_listed_jobs(workflow):
    assert parsed(workflow)["permissions"] == {"contents": "read"}
    for name, job in jobs(workflow).items():
        assert job.get("permissions") == MORE_THAN_READING.get((workflow, name)), name


def test_jobs_have_timeouts_and_all_but_deployments_can_be_cancelled(workflow):
    own = [job for job in jobs(workflow).values() if "uses" not in job]
    longest = 120 if workflow == "deploy-stage" else 30
    assert all(0 < job["timeout-minutes"] <= longest for job in own)
    if own:
        gives_way = parsed(workflow)["concurrency"]["cancel-in-progress"]
        assert gives_way is (workflow != "deploy-stage")


def test_jobs_run_only_targets_of_the_makefile(workflow):
    text = "\n".join(step.get("run", "") for step in steps(workflow))
    targets = re.findall(r"\bmake (?:--silent )?(\S+)", text)
    assert targets or workflow == "deploy"  # which calls the others
    for target in targets:
        assert f"\n{target.replace('.venv', '$(VENV)')}: " in MAKEFILE


def test_the_tests_run_on_python_3_11_3_13_and_3_14():
    assert jobs("test")["test"]["strategy"]["matrix"]["python"] == ["3.11", "3.13", "3.14"]


def test_pull_request_code_runs_without_secrets_or_aws_access():
    for name in WORKFLOWS:
        triggers = parsed(name)[True]  # YAML reads `on` as true
        assert "pull_request_target" not in triggers
        assert "workflow_run" not in triggers
        if "pull_request" in triggers:
            text = WORKFLOWS[name].read_text()
            assert "secrets." not in text
            assert "id-token" not in text


def test_the_comment_job_runs_no_pull_request_code_and_skips_forks():
    comment = jobs("diff")["comment"]
    assert not [step for step in comment["steps"] if "uses" in step]
    assert comment["if"] == "github.event.pull_request.head.repo.full_name == github.repository"
    # Text from other people is a variable, and never part of the script's text.
    assert "${{" not in "".join(step["run"] for step in comment["steps"])


def test_a_tested_commit_goes_to_staging_and_then_to_production():
    deploy = jobs("deploy")
    assert parsed("deploy")[True] == {"push": {"branches": ["main"]}}
    assert [deploy[name].get("needs") for name in deploy] == [None, "test", "staging"]
    assert deploy["staging"]["uses"] == deploy["production"]["uses"]
    assert [deploy[name]["with"]["environment"] for name in ("staging", "production")] == [
        "staging",
        "production",
    ]
    checkout, *_ = [step for step in steps("deploy-stage") if "checkout" in step.get("uses", "")]
    assert "ref" not in checkout["with"]
    assert jobs("deploy-stage")["deploy"]["environment"] == "${{ inputs.environment }}"


def test_a_stage_is_rolled_back_when_its_smoke_test_fails():
    names = [step.get("id") or step.get("run", step.get("uses")) for step in steps("deploy-stage")]
    release = names.index("make release APPROVAL=never PYTHON=python")
    assert names.index("before") < release < names.index("smoke") < names.index("back")
    back, session, deploy = steps("deploy-stage")[-3:]
    # Only the smoke test: CloudFormation rolls a failed deployment back by itself.
    assert back["if"] == (
        "failure() && steps.smoke.outcome == 'failure' && steps.before.outputs.commit != ''"
    )
    assert back["with"]["ref"] == "${{ steps.before.outputs.commit }}"
    assert session["if"] == deploy["if"] == "failure() && steps.back.outcome == 'success'"
    assert deploy["working-directory"] == back["with"]["path"]
    assert deploy["run"] == "make deploy APPROVAL=never FORCE=1 PYTHON=python"
    assert not any("continue-on-error" in step for step in steps("deploy-stage"))


@pytest.fixture
def run_step(tmp_path):
    """Run a step with a test's program for one that it calls; return its exit code and output."""

    def run(workflow, name, program, script, **environment):
        (step,) = [step["run"] for step in steps(workflow) if step.get("id") == name]
        path = tmp_path / program
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        output = tmp_path / "output"
        output.touch()
        done = subprocess.run(
            ["bash", "-e", "-c", step],
            cwd=tmp_path,
            env={
                "PATH": f"{tmp_path}:{os.environ['PATH']}",
                "RUNNER_TEMP": str(tmp_path),
                "GITHUB_OUTPUT": str(output),
                **environment,
            },
            capture_output=True,
            check=False,
        )
        return done.returncode, output.read_text().splitlines()

    return run


@pytest.mark.parametrize(
    ("deployed", "found"),
    [
        ('echo "$2$3"', (0, ["commit=--stagestaging"])),
        ("echo abc", (0, ["commit=abc"])),
        ("true", (0, ["commit="])),
        ("echo 123", (0, [])),  # the same commit once more
        ("exit 1", (1, [])),  # nothing is deployed if the deployed commit is unreadable
    ],
)
def test_the_rollback_commit_is_known_before_a_stage_is_deployed(run_step, deployed, found):
    program = ".venv/bin/stresswatch"
    stage = {"STAGE": "staging", "GITHUB_SHA": "123"}
    assert run_step("deploy-stage", "before", program, deployed, **stage) == found


@pytest.fixture
def compare(run_step):
    """Run the step that compares, with a test's `make`."""
    return partial(run_step, "diff", "diff", "make")


def test_the_diff_of_both_stages_is_the_output_of_a_step(compare):
    code, (begin, fence, *found, end_of_fence, end) = compare('echo "$@"')
    assert code == 0
    assert begin == f"found<<{end}"
    assert fence == end_of_fence == "````"
    assert [line for line in found if line] == [
        f"--silent diff STAGE={stage} BASE=HEAD^1 PYTHON=python" for stage in ("staging", "prod")
    ]


def test_a_diff_too_long_for_a_comment_is_truncated(compare):
    code, lines = compare("head -c 100000 /dev/zero | tr '\\0' x")
    assert code == 0
    assert 50_000 <= len("\n".join(lines)) < 60_000


def test_a_failed_diff_fails_the_step(compare):
    assert compare("exit 2") == (2, [])


def test_every_file_of_locked_requirements_is_audited():
    (audited,) = re.findall(r"^LOCKED := (.*)$", MAKEFILE, flags=re.MULTILINE)
    locked = [
        str(path.relative_to(PROJECT))
        for folder in ("", "lambdas", "layers", "training_jobs")
        for path in (PROJECT / folder).glob("**/requirements.txt" if folder else "requirements.txt")
    ]
    assert sorted(audited.split()) == sorted(locked)


def test_a_release_is_tested_built_from_its_tag_and_attested():
    assert jobs("release")["release"]["needs"] == "test"
    built = [step.get("run", step.get("uses", "")) for step in jobs("release")["release"]["steps"]]
    build = built.index("make dist PYTHON=python")
    assert "actions/attest-build-provenance@" in built[build + 1]
    attest = jobs("release")["release"]["steps"][build + 1]
    assert attest["with"]["subject-path"] == "build/dist/*"
    assert "--draft --verify-tag" in built[build + 2]
    assert built[build + 2].endswith(" build/dist/*")


def test_each_lock_file_gets_a_bill_of_materials():
    recipe = MAKEFILE.split("\ndist:")[1].split("\n\n")[0]
    assert re.search(r"for lock in \$\(LOCKED\);.*cyclonedx-py requirements", recipe, re.DOTALL)


@pytest.mark.parametrize(("tag", "code"), [("v0.1.0", 0), ("v0.1.1", 1), ("v0.1", 1)])
def test_a_tag_other_than_the_version_stops_the_release(tag, code, run_step, tmp_path):
    (tmp_path / "pyproject.toml").write_text((PROJECT / "pyproject.toml").read_text())
    assert run_step("release", "version", "unused", "true", GITHUB_REF_NAME=tag)[0] == code


def test_package_changelog_and_citation_have_the_same_version():
    cited = yaml.safe_load((PROJECT / "CITATION.cff").read_text())
    newest = re.search(r"^## (\S+) - (\S+)$", (PROJECT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert cited["version"] == newest[1] == metadata.version("stresswatch")
    assert str(cited["date-released"]) == newest[2]
