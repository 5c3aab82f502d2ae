"""A stage's life as documented: CDK's own command deploys it, on the emulator."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

import local
from local.emulator.server import Server
from local.endpoint import Endpoint
from local.state_file import Folder
from tests.conftest import PROJECT
from tests.documented import NOT_RUN, TYPED_BY, commands
from tests.e2e.checkout import commit, git, replace_npx, repository
from tests.e2e.deployed import BASE, STREAMED
from tests.e2e.pages import posts_in
from tests.e2e.shell import LineFailed, Shell
from tests.workplace import fill

SECTION = ("docs/operations.md", "Deploying a stage")
LINES = [
    command.line
    for command in commands()
    if (command.page, command.section) == SECTION and command.line not in {**NOT_RUN, **TYPED_BY}
]
JOB = yaml.safe_load((PROJECT / ".github/workflows/deploy-stage.yml").read_text())["jobs"]["deploy"]
SETTINGS = {"APPROVAL": "never", "CDK_VALIDATION": "false"}
"""CDK does not prompt, and other tests run its own rules, which take half of a synthesis."""
STEPS = [step["run"] for step in JOB["steps"] if "run" in step]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A contributor's checkout of the project."""
    folder = repository(tmp_path / "project")
    replace_npx(folder)
    commit(folder)
    posts_in(folder)
    return folder


@contextmanager
def account(folder: Path) -> Iterator[Endpoint]:
    """An account without a deployment; its state is kept in the folder."""
    state = Folder(folder).state
    state.mkdir(parents=True)
    with (folder / "log").open("wb") as log:
        server = Server.start(state, log)
        try:
            yield server.endpoint
        finally:
            server.stop()


@contextmanager
def driven(folder: Path, app: Path) -> Iterator[Endpoint]:
    """The same account with readers for its streams, which the emulator lacks."""
    stack = local.up(folder, template_directory=app, on_progress=lambda _: None)
    try:
        yield Endpoint(stack.endpoint)
    finally:
        local.down(folder)


def stacks(endpoint: Endpoint) -> dict[str, str]:
    found = endpoint.client("cloudformation").describe_stacks()["Stacks"]
    return {stack["StackName"]: stack["StackStatus"] for stack in found}


def test_documented_commands_deploy_roll_back_and_delete_a_stage(
    tmp_path: Path, project: Path
) -> None:
    path, bootstrap, deploy, *use, destroy = LINES
    programs, folder = project / ".venv" / "bin", tmp_path / "account"

    with account(folder) as endpoint:
        shell = Shell(programs, endpoint)
        try:
            shell.type([path, bootstrap], project, variables=SETTINGS)
        except LineFailed as failure:
            if "npm error" in str(failure):
                pytest.skip(f"npm cannot install CDK's command here: {failure}")
            raise
        assert stacks(endpoint) == {"CDKToolkit": "CREATE_COMPLETE"}
        with pytest.raises(LineFailed, match="No model serves in stresswatch-dev yet"):
            shell.type([path, deploy], project, variables=SETTINGS)
        assert stacks(endpoint)["stresswatch-dev"] == "CREATE_COMPLETE"

    with driven(folder, project / "cdk.out") as endpoint:
        shell = Shell(programs, endpoint)
        _, seeded, retrained, smoked, produced = shell.type([path, *use], project)
        stressed = sum(post.label for post in BASE)
        assert f"300 labelled posts, {stressed} of them stressed, are at s3://" in seeded
        assert "it is the champion now" in retrained
        assert "100 of 100 posts were predicted" in smoked
        assert f"{len(STREAMED)} posts sent" in produced

        put_back(shell, project)
        shell.type([path, destroy], project, answer="y\n")
        assert stacks(endpoint) == {"CDKToolkit": "CREATE_COMPLETE"}


def put_back(shell: Shell, project: Path) -> None:
    """Deploy code that does not predict, as the job on GitHub does, and check its reaction."""
    serving = git(project, "rev-parse", "HEAD")
    with (project / "lambdas/predictor/handler.py").open("a") as handler:
        handler.write('\nraise RuntimeError("this commit does not predict")\n')
    broken = commit(project)
    *_, before, release, smoke, back = STEPS
    output = project / "build" / "output"
    variables = SETTINGS | {"GITHUB_OUTPUT": str(output), "GITHUB_SHA": broken}
    _, released = shell.type([before, f"{release} 2>&1"], project, variables=variables)
    assert output.read_text() == f"commit={serving}\n"
    assert f"To deploy it again: git switch --detach {serving} && make deploy STAGE=dev" in released
    with pytest.raises(LineFailed, match="0 of 100 posts were predicted"):
        shell.type([f"{smoke} --wait 5"], project, variables=variables)

    git(project, "clone", "--quiet", ".", "before")
    git(project / "before", "switch", "--quiet", "--detach", serving)
    fill(project / "before", ())
    replace_npx(project / "before")
    (again,) = shell.type([back], project / "before", variables=variables)
    assert "100 of 100 posts were predicted" in again
    (deployed,) = shell.type(["stresswatch deployed --stage dev"], project)
    assert deployed == f"{serving}\n"
