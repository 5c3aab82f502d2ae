"""The command `deployed`: the commit to which a stage can roll back."""

import pytest
from typer.testing import CliRunner

from cli import main
from cli.deployment.target import Target
from cli.errors import NoSuchStack, OperatorError
from stresswatch.aws import stack_outputs
from stresswatch.versions.champion import Pointer
from verification.faults.stores import Parameters

COMMIT = "0123456789abcdef0123456789abcdef01234567"
CHAMPION = Pointer("v1", "s3://models/models/v1", "0" * 64).to_json()
HOW = f"To deploy it again: git switch --detach {COMMIT} && make deploy STAGE=staging\n"
NOTHING = "No commit is deployed in staging yet.\n"


@pytest.fixture
def deployed(monkeypatch):
    """Run the command with this champion's pointer and these outputs, or with an error."""

    def ask(pointer=CHAMPION, error=None, **outputs):
        def find(stage):
            if error:
                raise error
            ssm = Parameters(pointer)
            outputs[stack_outputs.CHAMPION_PARAMETER] = "champion"
            return Target(f"stresswatch-{stage}", outputs, {"ssm": ssm}.__getitem__)

        monkeypatch.setattr("cli.deployment.serving_commit.aws_target", find)
        result = CliRunner().invoke(main.app, ["deployed", "--stage", "staging"])
        return result.exit_code, result.stdout, result.stderr

    return ask


def test_stdout_has_the_serving_commit_and_stderr_how_to_redeploy_it(deployed):
    assert deployed(CodeCommit=COMMIT) == (0, f"{COMMIT}\n", HOW)


def test_before_the_first_deployment_there_is_no_commit(deployed):
    assert deployed(error=NoSuchStack("There is no stack.")) == (0, "", NOTHING)


def test_without_a_first_model_there_is_no_commit_for_a_rollback(deployed):
    assert deployed(None, CodeCommit=COMMIT) == (0, "", NOTHING)


@pytest.mark.parametrize("outputs", [{}, {stack_outputs.CODE_COMMIT: "unknown"}])
def test_code_deployed_without_a_known_commit_gives_no_commit(deployed, outputs):
    assert deployed(**outputs) == (0, "", NOTHING)


def test_a_caller_without_access_to_the_stage_gets_an_error(deployed):
    error = OperatorError("AWS does not accept your credentials.")
    assert deployed(error=error) == (1, "", f"{error}\n")
