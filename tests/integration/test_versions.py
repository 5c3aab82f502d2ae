"""Versions listed, rolled back, approved and rejected, on moto."""

import io
import json

import boto3
import pytest
from rich.console import Console

from cli.deployment.client import DeploymentClient
from cli.deployment.target import Target
from cli.errors import OperatorError
from cli.model_versions import Versions
from lambdas.promote.handler import VersionBarred
from lambdas.promote.handler import handler as promote
from stresswatch.aws import stack_outputs
from stresswatch.versions.champion import read_changes
from tests.conftest import make_posts
from tests.integration.conftest import (
    ACCEPTED,
    CONTEXT,
    ENVIRONMENT,
    train_version,
    wait_for_a_word,
)

OUTPUTS = {
    stack_outputs.MODEL_BUCKET: "models",
    stack_outputs.CHAMPION_PARAMETER: ENVIRONMENT["CHAMPION_PARAMETER"],
    stack_outputs.JOURNAL_TABLE: ENVIRONMENT["JOURNAL_TABLE"],
    stack_outputs.SCORER: ENVIRONMENT["SCORER"],
}


@pytest.fixture(scope="module")
def second_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("training")
    return train_version(folder, make_posts(300, seed=2), "v2", "v1")


@pytest.fixture
def versions(aws, states):
    def client(service):
        return states if service == "stepfunctions" else boto3.client(service)

    return Versions(DeploymentClient(Target("stresswatch-dev", OUTPUTS, client)))


@pytest.fixture
def served(aws, version_files, second_files):
    """v1 served, and v2 does."""
    for name, files in (("v1", version_files), ("v2", second_files)):
        aws.promote(name, files)
        aws.put("models", f"models/{name}/verdict.json", json.dumps(ACCEPTED).encode())


def show(versions, width=160):
    shown = io.StringIO()
    console = Console(file=shown, width=width)
    console.print(versions.table(20, console))
    return shown.getvalue()


def row(shown, name):
    """The cells of a version, line by line."""
    lines, found = shown.splitlines(), []
    first = next(at for at, one in enumerate(lines) if one.startswith(f"│ {name} ") and "F1" in one)
    for one in lines[first:]:
        if not one.startswith("│"):
            break
        found.append([cell.strip() for cell in one.split("│")[1:-1]])
    return found


def line(shown, name):
    return " ".join(row(shown, name)[0])


class TestRollback:
    def test_the_previous_version_serves_and_history_says_who_and_why(self, aws, versions, served):
        assert versions.rollback(None, "complaints").version == "v1"
        assert aws.pointer().version == "v1"
        change = read_changes(aws.ssm, ENVIRONMENT["CHAMPION_PARAMETER"])[-1]
        assert change.because.startswith("rollback from v2 by arn:aws:")
        assert change.because.endswith(": complaints")

    def test_a_reason_too_long_for_a_parameter_is_truncated(self, aws, versions, served):
        versions.rollback(None, "complaints\n" + "ä" * 2000)
        change = read_changes(aws.ssm, ENVIRONMENT["CHAMPION_PARAMETER"])[-1]
        assert ": complaints ää" in change.because

    def test_a_version_can_be_named(self, aws, versions, served):
        assert versions.rollback("v1", "why not").version == "v1"

    def test_a_rolled_back_version_is_not_promoted_again(self, aws, versions, served):
        pointer = aws.pointer()
        versions.rollback(None, "complaints")
        with pytest.raises(VersionBarred):
            promote({"gate": {**vars(pointer), "parent": "v1"}}, CONTEXT)

    def test_an_operator_can_undo_a_rollback(self, aws, versions, served):
        versions.rollback(None, "complaints")
        versions.rollback("v2", "the complaints were about something else")
        assert aws.pointer().version == "v2"
        assert aws.journal.barred("v2") is None
        assert aws.journal.barred("v1")

    def test_a_second_rollback_does_not_undo_the_first(self, aws, versions, served):
        versions.rollback(None, "complaints")
        with pytest.raises(OperatorError, match="except v1, were rolled back: v2; name one"):
            versions.rollback(None, "again")
        assert aws.pointer().version == "v1"

    def test_a_version_that_never_served_is_rejected_with_the_choices(self, aws, versions, served):
        with pytest.raises(OperatorError, match="v9 never served; apart from v2, these did: v1"):
            versions.rollback("v9", "a slip")

    def test_a_rollback_to_the_champion_itself_is_rejected(self, versions, served):
        with pytest.raises(OperatorError, match="v2 already serves"):
            versions.rollback("v2", "a slip")

    def test_the_first_version_cannot_be_rolled_back(self, aws, versions, version_files):
        aws.promote("v1", version_files)
        with pytest.raises(OperatorError, match="No version served before v1"):
            versions.rollback(None, "a slip")

    def test_without_a_champion_there_is_nothing_to_roll_back(self, versions):
        with pytest.raises(OperatorError, match="No version serves yet"):
            versions.rollback(None, "a slip")

    def test_an_altered_version_does_not_serve(self, aws, versions, served):
        aws.put("models", "models/v1/model.npz", b"altered")
        with pytest.raises(OperatorError, match=r"v1 cannot serve: .* v2 stays the champion"):
            versions.rollback(None, "complaints")
        assert aws.pointer().version == "v2"
        assert aws.journal.barred("v2") is None


class TestApproval:
    @pytest.mark.parametrize("approved", [True, False])
    def test_a_decision_resumes_the_execution_with_who_and_why(
        self, aws, versions, states, approved
    ):
        wait_for_a_word(aws)
        versions.answer("v3", approved=approved, why="I looked")
        word = states.said["token"]
        assert (word["approved"], word["why"]) == (approved, "I looked")
        assert word["by"].startswith("arn:aws:")
        assert aws.journal.approval("v3") is None

    def test_a_reason_too_long_for_a_state_is_truncated(self, aws, versions, states):
        wait_for_a_word(aws)
        versions.answer("v3", approved=True, why="I looked\n" + "a" * 300_000)
        assert states.said["token"]["why"].startswith("I looked aaa")

    def test_an_unrequested_decision_is_rejected(self, versions):
        with pytest.raises(OperatorError, match="No retraining waits for an approval of v3"):
            versions.answer("v3", approved=True, why="I looked")

    def test_a_decision_for_a_stopped_execution_is_rejected(self, aws, versions):
        wait_for_a_word(aws, token="of a stopped execution")
        with pytest.raises(OperatorError, match="No retraining waits"):
            versions.answer("v3", approved=True, why="I looked")


class TestTable:
    def test_each_version_has_its_parent_quality_verdict_and_outcome(self, aws, versions, served):
        versions.rollback(None, "it [is] worse")
        shown = show(versions, 260)
        assert "serves" in line(shown, "v1")
        assert "rolled back" in line(shown, "v2")
        assert "it [is] worse" in line(shown, "v2")
        assert [cells[0] for cells in row(shown, "v2")][:2] == ["v2", "v1"]
        assert "gate: accepted" in line(shown, "v1")

    def test_failed_checks_and_pending_approvals_are_shown(self, aws, versions, served):
        checks = [{"name": "size", "passed": True}, {"name": "F1", "passed": False}]
        verdict = {"accepted": False, "checks": checks}
        aws.put("models", "models/v1/verdict.json", json.dumps(verdict).encode())
        wait_for_a_word(aws, "v1")
        shown = show(versions)
        assert "rejected: F1" in line(shown, "v1")
        assert "waits for approval" in line(shown, "v1")

    def test_the_number_of_training_posts_is_shown(self, aws, versions, served):
        manifest = json.loads(aws.body("models", "models/v1/manifest.json"))
        manifest |= {"posts": {"train": 1000, "evaluation": 234, "new": 56, "invalid": 7}}
        aws.put("models", "models/v1/manifest.json", json.dumps(manifest).encode())
        told = [cells[2] for cells in row(show(versions), "v1")]
        assert told == ["1,234", "56 new"]

    @pytest.mark.parametrize("width", [100, 60])
    def test_a_narrow_terminal_has_fewer_columns_and_whole_words(
        self, aws, versions, version_files, width
    ):
        name = "v20261124T214038-f0ff4c2a"
        aws.promote(name, version_files)
        aws.put("models", f"models/{name}/verdict.json", json.dumps(ACCEPTED).encode())
        shown = show(versions, width)
        for word in (name, "serves", "accepted"):
            assert word in shown
        assert ("Too narrow for posts" in shown) == (width == 60)

    @pytest.mark.parametrize(
        ("file", "what"), [("shadow.json", "live posts"), ("probation.json", "probation")]
    )
    def test_each_verdict_on_live_posts_is_shown(self, aws, versions, served, file, what):
        checks = [{"name": "agreement", "passed": False}]
        verdict = {"accepted": False, "checks": checks}
        aws.put("models", f"models/v1/{file}", json.dumps(verdict).encode())
        shown = show(versions, 260)
        assert f"{what}: rejected: agreement" in shown
        assert shown.count("rejected") == 1

    def test_an_empty_table_says_what_to_do(self, versions):
        assert "stresswatch retrain" in show(versions)
