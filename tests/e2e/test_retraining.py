"""The retraining workflow on the local stack: its start, its waits, and its rollbacks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cli.deployment.client import payload
from cli.deployment.consumer import Consumer
from cli.errors import OperatorError
from cli.model_versions import Versions
from stresswatch.aws import stack_outputs
from stresswatch.aws.s3 import Location
from stresswatch.retraining.check_words import result_of
from stresswatch.retraining.journal import Journal
from stresswatch.versions.champion import Pointer, read_changes
from stresswatch.versions.model_version import sha256
from tests.conftest import make_posts
from tests.e2e.deployed import BASE, RETRAINING_SECONDS, STREAMED, Deployed, Inbox, environment
from tests.e2e.shell import Shell
from tests.e2e.waiting import eventually
from tests.integration.conftest import train_version

pytestmark = pytest.mark.usefixtures("champion")

WITHOUT_INSTANCE = """
import pathlib, sys
output = pathlib.Path(sys.argv[sys.argv.index("--prefix") + 1]) / "output"
reason = "CapacityError: Unable to provision requested ML compute capacity."
(output / "failure").write_text(reason)
sys.exit(1)
"""

ON_FEW_POSTS = """
import pathlib, runpy, sys
folder = pathlib.Path(sys.argv[sys.argv.index("--prefix") + 1]) / "input/data/train"
(posts,) = folder.glob("*.jsonl")
posts.write_text("".join(posts.read_text().splitlines(keepends=True)[::8]))
runpy.run_module("training_jobs.model.start", run_name="__main__", alter_sys=True)
"""
ALTERED_AFTERWARDS = """
import pathlib, subprocess, sys
train = [sys.executable, "-m", "training_jobs.model.start", *sys.argv[1:]]
subprocess.run(train, check=True)
model = pathlib.Path(sys.argv[sys.argv.index("--prefix") + 1]) / "model"
(model / "model.npz").write_bytes(b"something else")
"""


@pytest.fixture
def asks_a_person(deployed: Deployed) -> Iterator[None]:
    """Without a champion, the gate accepts; and the stage requires approval."""
    deployed.point_to(None)
    gate = deployed.function("RetrainingGateFunction")
    with environment(deployed, gate, REQUIRES_APPROVAL="true"):
        yield


@pytest.fixture
def inbox(deployed: Deployed) -> Inbox:
    return Inbox(deployed)


@contextmanager
def changed(deployed: Deployed, **states: dict[str, Any]) -> Iterator[None]:
    """Change the workflow's states for a while."""
    client = deployed.client("stepfunctions")
    machine = deployed.stack.outputs[stack_outputs.RETRAINING_STATE_MACHINE]
    definition = client.describe_state_machine(stateMachineArn=machine)["definition"]
    other = json.loads(definition)
    for name, fields in states.items():
        other["States"][name] |= fields
    client.update_state_machine(stateMachineArn=machine, definition=json.dumps(other))
    try:
        yield
    finally:
        client.update_state_machine(stateMachineArn=machine, definition=definition)


def container(deployed: Deployed, script: str) -> Any:
    """Make the training container run a script in place of its entry point."""
    entry_point = json.dumps(["python", "-c", script])
    return environment(deployed, deployed.function("TrainingRunner"), ENTRY_POINT=entry_point)


def start(deployed: Deployed, *, force: bool) -> str:
    return deployed.deployment.start_retraining("test", "a test asked for it", force=force)


def end(deployed: Deployed, execution: str) -> dict[str, Any]:
    return deployed.deployment.follow(execution, RETRAINING_SECONDS, lambda _: None)


def waiting(deployed: Deployed, execution: str) -> str:
    """Wait until an execution waits for approval; return its version."""
    journal = Journal(
        deployed.client("dynamodb"), deployed.stack.outputs[stack_outputs.JOURNAL_TABLE]
    )

    def asked() -> str | None:
        inputs = entered(deployed, execution, "AwaitApproval")
        version = inputs[0]["gate"]["version"] if inputs else None
        return version if version and journal.approval(version) else None

    return eventually("question for approval", asked, RETRAINING_SECONDS)


def entered(deployed: Deployed, execution: str, state: str) -> list[dict[str, Any]]:
    """Return a state's input, for each time that an execution entered it."""
    history = deployed.client("stepfunctions").get_execution_history(executionArn=execution)
    return [
        json.loads(event["stateEnteredEventDetails"]["input"])
        for event in history["events"]
        if event.get("stateEnteredEventDetails", {}).get("name") == state
    ]


def test_a_deployment_with_changed_tags_keeps_the_champion(
    deployed: Deployed, champion: Pointer
) -> None:
    """CloudFormation writes every property of its parameter with such a change."""
    cloudformation = deployed.client("cloudformation")
    stack = deployed.stack.stack_name
    cloudformation.update_stack(
        StackName=stack,
        UsePreviousTemplate=True,
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
        Tags=[{"Key": "team", "Value": "another"}],
    )

    def updated() -> bool:
        (described,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
        return bool(described["StackStatus"] == "UPDATE_COMPLETE")

    eventually("the stack's update", updated)
    with deployed.stopped():
        pass  # it is deployed again
    assert deployed.deployment.champion() == champion
    assert not deployed.logical_ids("AWS::SSM::Parameter")


def test_one_retraining_runs_at_a_time(deployed: Deployed) -> None:
    first, second = start(deployed, force=True), start(deployed, force=True)
    outputs = [end(deployed, execution) for execution in (first, second)]
    admitted = [output["admission"]["admitted"] for output in outputs]
    assert sorted(admitted) == [False, True]
    (suppressed,) = [output for output in outputs if not output["admission"]["admitted"]]
    assert "is still retraining" in suppressed["admission"]["reason"]
    assert "dataset" not in suppressed


def test_a_retraining_without_new_labels_is_declined(deployed: Deployed) -> None:
    output = end(deployed, start(deployed, force=False))
    assert "0 labels are new" in output["dataset"]["declined"]
    assert "training" not in output


def test_an_approved_challenger_is_promoted_and_its_approval_recorded(
    deployed: Deployed, asks_a_person: None, shell: Shell, tmp_path: Path
) -> None:
    execution = start(deployed, force=True)
    version = waiting(deployed, execution)
    assert deployed.deployment.champion() is None
    approve = 'stresswatch approve VERSION --why "..." --stage prod'
    shell.type([approve], tmp_path, {"VERSION": version, "...": "I looked"})
    assert end(deployed, execution)["promotion"]["version"] == version
    parameter = deployed.stack.outputs[stack_outputs.CHAMPION_PARAMETER]
    assert "approved it: I looked" in read_changes(deployed.client("ssm"), parameter)[-1].because


def test_a_challenger_rejected_by_an_operator_is_not_promoted(
    deployed: Deployed, asks_a_person: None, shell: Shell, tmp_path: Path
) -> None:
    execution = start(deployed, force=True)
    version = waiting(deployed, execution)
    reject = 'stresswatch reject VERSION --why "..." --stage prod'
    shell.type([reject], tmp_path, {"VERSION": version, "...": "I doubt it"})
    output = end(deployed, execution)
    assert output["approval"]["why"] == "I doubt it"
    assert "promotion" not in output
    assert deployed.deployment.champion() is None


def test_a_rollback_takes_effect_within_a_minute(
    deployed: Deployed, champion: Pointer, tmp_path: Any
) -> None:
    files = train_version(tmp_path, make_posts(200, seed=9), "v2", champion.version)
    bucket = deployed.stack.outputs[stack_outputs.MODEL_BUCKET]
    for name, content in files.items():
        deployed.client("s3").put_object(Bucket=bucket, Key=f"models/v2/{name}", Body=content)
    deployed.point_to(Pointer("v2", f"s3://{bucket}/models/v2/", sha256(files["model.npz"])))
    consumer = Consumer(deployed.deployment.target)
    assert answers(deployed, consumer, "v2")
    assert Versions(deployed.deployment).rollback(None, "it is worse") == champion
    assert answers(deployed, consumer, champion.version)


def answers(deployed: Deployed, consumer: Consumer, version: str) -> bool:
    """Send posts until a version predicts one."""

    def predicted() -> bool:
        deployed.deployment.send([payload(STREAMED[0])])
        consumer.poll()
        newest = list(consumer.predictions.values())[-5:]
        return any(one["model_version"] == version for one in newest)

    return eventually(f"prediction by {version}", predicted, 60)


def attempts(deployed: Deployed, script: str) -> list[int]:
    """Retrain with a container that runs a script; return the numbers of the attempted jobs."""
    with changed(deployed, WaitForCapacity={"Seconds": 0}), container(deployed, script):
        described = deployed.retrain()
    assert described["status"] == "FAILED"
    tried = entered(deployed, described["executionArn"], "TrainModel")
    return [state["attempt"]["number"] for state in tried]


def test_a_training_job_without_an_instance_is_retried_and_then_fails(
    deployed: Deployed,
) -> None:
    assert attempts(deployed, WITHOUT_INSTANCE) == [1, 2, 3, 4]


def test_a_training_job_that_fails_otherwise_is_not_retried(deployed: Deployed) -> None:
    assert attempts(deployed, "import sys; sys.exit(1)") == [1]


def test_a_worse_challenger_is_rejected_and_its_checks_are_sent(
    deployed: Deployed, champion: Pointer, inbox: Inbox
) -> None:
    with container(deployed, ON_FEW_POSTS):
        output = end(deployed, start(deployed, force=True))
    assert not output["gate"]["accepted"]
    told = inbox.message("A challenger was rejected")
    version = output["gate"]["version"]
    assert told.startswith(f"The gate rejected {version}; the champion stays.\n")
    for check in output["gate"]["checks"]:
        assert f"- {result_of(check)}: {check['name']}" in told
        assert check["requirement"] in told
    assert "Started by test: a test asked for it" in told
    assert deployed.deployment.champion() == champion


def test_a_challenger_trained_on_flipped_labels_is_rejected(
    deployed: Deployed, champion: Pointer
) -> None:
    flipped = [replace(post, label=1 - post.label) for post in make_posts(300, seed=5)]
    labels = deployed.deployment.label(flipped)
    try:
        output = end(deployed, start(deployed, force=False))
    finally:
        bucket, key = Location.parse(labels)
        deployed.client("s3").delete_object(Bucket=bucket, Key=key)
    failed = {check["name"] for check in output["gate"]["checks"] if not check["passed"]}
    assert failed >= {"Brier score, base holdout", "ROC-AUC of champion, new holdout"}
    assert deployed.deployment.champion() == champion


def test_a_corrupt_challenger_fails_the_retraining_and_is_reported(
    deployed: Deployed, champion: Pointer, inbox: Inbox
) -> None:
    why = "model.npz is not the file that the manifest names"
    with container(deployed, ALTERED_AFTERWARDS):
        started = deployed.deployment.start_retraining("test", "a test asked for it", force=True)
        with pytest.raises(OperatorError, match=rf"{why}\.$"):
            deployed.deployment.follow(started, RETRAINING_SECONDS, lambda _: None)
    told = inbox.message("A retraining failed").splitlines()[0]
    assert told.startswith("The retraining failed: ")
    # Between the two is the error's type, which the emulator does not keep.
    assert told.endswith(f": {why}; the champion stays.")
    assert deployed.deployment.champion() == champion


@pytest.fixture
def poor(deployed: Deployed, champion: Pointer, tmp_path: Any) -> Iterator[None]:
    """The champion learned from few posts, and challengers shadow it for seconds."""
    flipped = [replace(post, label=1 - post.label) for post in BASE[60:80]]
    files = train_version(tmp_path, BASE[:60] + flipped, "v-poor")
    bucket = deployed.stack.outputs[stack_outputs.MODEL_BUCKET]
    for name, content in files.items():
        deployed.client("s3").put_object(Bucket=bucket, Key=f"models/v-poor/{name}", Body=content)
    digest = sha256(files["model.npz"])
    deployed.point_to(Pointer("v-poor", f"s3://{bucket}/models/v-poor/", digest))
    at_once = {"CHAMPION_TTL_SECONDS": "1"}
    with (
        changed(deployed, LastBatches={"Seconds": 1}),
        environment(deployed, deployed.function("RetrainingGate"), SHADOW_SECONDS="10"),
        environment(deployed, deployed.function("RetrainingShadow"), **at_once),
        environment(deployed, deployed.function("PredictionPredictor"), **at_once),
    ):
        yield
    deployed.client("ssm").delete_parameter(
        Name=deployed.stack.outputs[stack_outputs.SHADOW_PARAMETER]
    )


def reaching(deployed: Deployed, state: str) -> tuple[str, dict[str, Any]]:
    """Start a retraining; return it, and its input of a state once it has reached that."""
    execution = start(deployed, force=True)

    def reached() -> dict[str, Any] | None:
        inputs = entered(deployed, execution, state)
        described = deployed.deployment.describe(execution)
        assert inputs or described["status"] == "RUNNING", described.get("cause")
        return inputs[0] if inputs else None

    return execution, eventually(f"retraining in {state}", reached, RETRAINING_SECONDS)


def end_of(deployed: Deployed, execution: str, times: dict[str, str]) -> dict[str, Any]:
    """Send posts when their predictions begin to count; return the retraining's output."""
    begins = datetime.fromisoformat(times["start"])
    eventually("start", lambda: datetime.now(UTC) >= begins)
    deployed.deployment.send([payload(post) for post in STREAMED])
    return end(deployed, execution)


def test_a_better_challenger_that_agrees_on_live_posts_is_promoted(
    deployed: Deployed, poor: None, inbox: Inbox
) -> None:
    execution, state = reaching(deployed, "WhileItShadows")
    serving = deployed.deployment.champion()
    assert serving
    assert serving.version == "v-poor"
    output = end_of(deployed, execution, state["shadow"])
    assert output["comparison"]["accepted"], output["comparison"]
    assert output["comparison"]["posts"] >= 30
    assert output["promotion"] == {"version": state["gate"]["version"], "before": "v-poor"}
    told = inbox.message("A new champion serves")
    assert f"on {output['comparison']['posts']:,} live posts:" in told
    assert "- passed: agreement with champion, live posts" in told


def test_a_challenger_that_fails_in_shadow_is_rejected_without_outage(
    deployed: Deployed, poor: None, inbox: Inbox
) -> None:
    execution, state = reaching(deployed, "WhileItShadows")
    deployed.client("s3").put_object(
        Bucket=deployed.stack.outputs[stack_outputs.MODEL_BUCKET],
        Key=f"models/{state['gate']['version']}/model.npz",
        Body=b"altered since",
    )
    output = end_of(deployed, execution, state["shadow"])
    assert not output["comparison"]["accepted"]
    assert output["comparison"]["posts"] >= 30, "what the champion answered meanwhile"
    assert "promotion" not in output
    assert "- FAILED: coverage, live posts" in inbox.message("A challenger was rejected")


def on_probation(deployed: Deployed, seconds: int) -> AbstractContextManager[None]:
    """Promote at once what the gate accepts, on probation for a while."""
    gate = deployed.function("RetrainingGate")
    return environment(deployed, gate, SHADOW_SECONDS="0", PROBATION_SECONDS=str(seconds))


def test_a_good_new_champion_passes_its_probation_and_stays(
    deployed: Deployed, poor: None, inbox: Inbox
) -> None:
    with on_probation(deployed, seconds=10):
        execution, state = reaching(deployed, "LookAtChampion")
        output = end_of(deployed, execution, state["probation"])
    version = output["gate"]["version"]
    assert output["judgement"]["outcome"] == "kept", output["judgement"]
    assert output["judgement"]["posts"] >= 30
    assert version in str(deployed.deployment.champion())
    told = inbox.message("A new champion passed its probation")
    assert f"{version} passed its probation; it stays the champion." in told
    assert "- not applicable: Brier score, labelled live posts: 0 labelled live posts" in told


def test_a_new_champion_contradicted_by_labels_is_rolled_back(
    deployed: Deployed, poor: None, inbox: Inbox
) -> None:
    """The less trained model fits flipped labels better."""
    with on_probation(deployed, seconds=60):
        execution, state = reaching(deployed, "LookAtChampion")
        labels = deployed.deployment.label([replace(one, label=1 - one.label) for one in STREAMED])
        try:
            output = end_of(deployed, execution, state["probation"])
        finally:
            bucket, key = Location.parse(labels)
            deployed.client("s3").delete_object(Bucket=bucket, Key=key)
    version = output["gate"]["version"]
    assert output["judgement"]["outcome"] == "rolled_back", output["judgement"]
    assert "v-poor" in str(deployed.deployment.champion())
    table = deployed.stack.outputs[stack_outputs.JOURNAL_TABLE]
    assert Journal(deployed.client("dynamodb"), table).barred(version)
    told = inbox.message("A new champion was rolled back")
    assert told.startswith(f"{version} was rolled back by its probation; v-poor is the champion")
    assert "- FAILED: Brier score, labelled live posts: previous champion" in told
