"""The command as its user sees it: exit codes and messages."""

import importlib
import inspect
import json
import os
import pkgutil
import subprocess
import sys
from dataclasses import asdict, replace
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

import local
from cli import commands, main
from cli.commands import labelling, local_stack
from cli.deployment import target as target_module
from cli.deployment.target import Target
from cli.errors import OperatorError
from stresswatch.aws import stack_outputs
from stresswatch.retraining.check_words import HOLDOUTS
from stresswatch.retraining.verdict import Check
from tests.conftest import PROJECT
from tests.strict_calls import checked

STACK = local.LocalStack(
    endpoint="http://127.0.0.1:4566",
    region="us-east-1",
    stack_name="stresswatch-dev",
    outputs={stack_outputs.POSTS_STREAM: "posts-of-dev"},
    pid=1,
    started_at="2026-11-23T15:00:00+00:00",
)


def test_the_version_option_prints_the_package_version(stresswatch):
    result = stresswatch("--version")
    assert (result.exit_code, result.stdout) == (0, f"{version('stresswatch')}\n")


@pytest.mark.parametrize("command", [["rollback"], ["approve", "v1"], ["reject", "v1"]])
def test_a_decision_with_a_blank_reason_is_rejected(stresswatch, command):
    result = stresswatch(*command, "--local", "--why", " ")
    assert result.exit_code == 2
    assert "a reason must not be blank" in result.output


def test_help_lists_the_commands(stresswatch):
    shown = stresswatch("--help").output
    for command in (
        "demo",
        "up",
        "down",
        "produce",
        "status",
        "dashboard",
        "seed",
        "retrain",
        "forget",
        "data",
    ):
        assert command in shown


def test_every_command_function_is_registered():
    written = {
        function
        for module in pkgutil.iter_modules(commands.__path__, "cli.commands.")
        for name, function in vars(importlib.import_module(module.name)).items()
        if inspect.isfunction(function)
        and function.__module__ == module.name
        and not name.startswith("_")
    }
    assert written == {
        *main.COMMANDS,
        *main.DATA_COMMANDS.values(),
        *main.TASK_COMMANDS.values(),
        *main.QUEUE_COMMANDS.values(),
        *main.TASK_COMMANDS.values(),
        labelling.queue,
    }


@pytest.mark.parametrize(
    "arguments",
    [
        ("status", "--local"),
        ("retrain", "--local"),
        ("produce", "posts.jsonl", "--local"),
        ("seed", "posts.jsonl", "--local"),
        ("forget", "a-post", "--local"),
        ("dashboard", "--local"),
        ("api", "--local"),
    ],
)
def test_without_a_local_stack_each_command_says_how_to_start_one(stresswatch, arguments):
    Path("posts.jsonl").write_text('{"post_id": "a", "text": "x", "label": 0}\n')
    result = stresswatch(*arguments)
    assert result.exit_code == 1
    assert result.stderr == (
        f"No local stack is running in {Path.cwd() / '.stresswatch'}; start one with "
        "`stresswatch up`, or go to a folder where one was started.\n"
    )


@pytest.mark.parametrize("command", ["produce", "seed"])
@pytest.mark.parametrize("name", ["missing.jsonl", "missing.csv", "."])
def test_a_missing_file_is_a_one_line_error(stresswatch, command, name):
    result = stresswatch(command, name, "--local")
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert result.stderr.endswith(".\n")
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            OperatorError("Say [this] as it is."),
            "Say [this] as it is. For the local stack, add --local.\n",
        ),
        (local.LocalStackError("it did not start\nthe log"), "it did not start\nthe log\n"),
        (
            ClientError({"Error": {"Code": "ExpiredToken", "Message": ""}}, "DescribeStacks"),
            "AWS does not accept your credentials (ExpiredToken); log in again.\n",
        ),
        (PermissionError(13, "Permission denied", "posts"), "posts: Permission denied.\n"),
    ],
)
def test_errors_are_reported_without_a_traceback(stresswatch, monkeypatch, error, message):
    def fail(stage):
        raise error

    monkeypatch.setattr(target_module, "aws_target", fail)
    result = stresswatch("status")
    assert (result.exit_code, result.stderr) == (1, message)


def test_the_stage_option_selects_the_stack_on_aws(stresswatch, monkeypatch):
    asked = []

    def target(stage):
        asked.append(stage)
        raise OperatorError("no such stack.")

    monkeypatch.setattr(target_module, "aws_target", target)
    stresswatch("status", "--stage", "prod")
    assert asked == ["prod"]


def test_up_starts_the_synthesised_stack_and_prints_the_next_steps(stresswatch, monkeypatch):
    started = []

    def up(directory, *, template_directory, on_progress, tracking_uri):
        on_progress("starting")
        started.append((directory, template_directory))
        assert tracking_uri == f"sqlite:///{Path.cwd()}/.stresswatch/mlflow/mlflow.db"
        return STACK

    monkeypatch.setattr(local, "up", up)
    monkeypatch.setattr(local_stack, "synthesize", lambda directory, changed: directory)
    result = stresswatch("up")
    assert started == [(Path(".stresswatch"), Path(".stresswatch/cdk.out"))]
    assert "runs at http://127.0.0.1:4566" in result.stdout
    assert "stresswatch seed --local" in result.stdout
    by_path = result.stdout.replace("stresswatch ", ".venv/bin/stresswatch ")
    assert max(map(len, by_path.splitlines())) <= 80


def test_up_leaves_a_running_stack_unchanged(stresswatch, monkeypatch):
    monkeypatch.setattr(local, "running", lambda directory: STACK)
    assert "http://127.0.0.1:4566" in stresswatch("up").stdout
    assert "posts-of-dev" in stresswatch("up", "--outputs").stdout


def test_up_rejects_settings_while_a_stack_runs(stresswatch, monkeypatch):
    monkeypatch.setattr(local, "running", lambda directory: STACK)
    result = stresswatch("up", "--set", "labelling.nonsense=1", "--set", "drift.nonsense=2")
    assert result.exit_code == 1
    told = "neither checked nor applied: labelling.nonsense=1, drift.nonsense=2. Run"
    assert told in result.stderr
    assert "`stresswatch down`, and then this command again" in result.stderr


def test_up_rejects_a_changed_task_file_while_a_stack_runs(stresswatch, monkeypatch):
    outputs = STACK.outputs | {stack_outputs.TASK_DIGEST: "0123456789ab"}
    monkeypatch.setattr(local, "running", lambda directory: replace(STACK, outputs=outputs))
    result = stresswatch("up")
    assert result.exit_code == 1
    assert "with an earlier version of the task file is running" in result.stderr


def test_a_folder_that_cannot_be_created_is_a_one_line_error(stresswatch):
    Path(".stresswatch").touch()
    result = stresswatch("up")
    assert (result.exit_code, result.stderr) == (1, ".stresswatch/cdk.out: Not a directory.\n")


def test_a_failed_synthesis_is_reported(stresswatch, monkeypatch):
    def synthesize(directory, changed):
        raise OperatorError("The stack does not synthesise: why.")

    monkeypatch.setattr(local_stack, "synthesize", synthesize)
    result = stresswatch("up")
    assert (result.exit_code, result.stderr) == (1, "The stack does not synthesise: why.\n")


def test_down_says_whether_a_stack_was_running(stresswatch, monkeypatch):
    where = Path.cwd() / ".stresswatch"
    assert stresswatch("down").stdout == f"No local stack was running in {where}.\n"
    monkeypatch.setattr(local, "down", lambda directory: True)
    assert stresswatch("down").stdout.startswith("Stopped. `stresswatch up` continues")


@pytest.mark.parametrize("command", ["seed", "label", "produce", "score"])
def test_a_file_name_that_is_not_utf8_is_rejected(stresswatch, command):
    name = os.fsdecode(b"caf\xe9.jsonl")
    result = stresswatch(command, name, "--local")
    assert result.exit_code == 2
    assert "the file's name is not UTF-8; rename it" in result.output


@pytest.mark.parametrize("arguments", [["--help"], ["produce", "--help"], ["status", "--local"]])
def test_commands_work_on_a_narrow_terminal(tmp_path, arguments):
    done = subprocess.run(
        [sys.executable, "-c", "from cli.main import app; app()", *arguments],
        cwd=tmp_path,
        env=os.environ | {"COLUMNS": "40", "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert done.returncode == ("--local" in arguments)


EVERY_COMMAND = [
    *([command.__name__] for command in main.COMMANDS),
    *(["data", name] for name in main.DATA_COMMANDS),
    *(["task", name] for name in main.TASK_COMMANDS),
    *(["queue", name] for name in main.QUEUE_COMMANDS),
]


@pytest.mark.parametrize("words", EVERY_COMMAND, ids=" ".join)
def test_help_wraps_correctly_on_a_narrow_terminal(stresswatch, monkeypatch, words):
    # The range of `cost --posts-per-day` leaves less room for its name.
    monkeypatch.setenv("COLUMNS", "62" if words == ["cost"] else "60")
    shown = stresswatch(*words, "--help").stdout
    assert "…" not in shown
    _, *text = shown.partition("╭")[0].strip().split("\n \n" if "\n \n" in shown else "\n\n")
    for paragraph in text:
        lines = [line.strip() for line in paragraph.splitlines() if line.strip()]
        early = [
            line
            for line, following in pairwise(lines)
            if len(f"{line} {following.split()[0]}") <= 57
        ]
        assert early == [], "a line ends before the terminal does"


class Stepfunctions:
    """An execution that is over, with a verdict of the gate."""

    def __init__(self, output=None, status="SUCCEEDED", **described):
        self.started = []
        self._described = {"status": status, "output": json.dumps(output)} | described

    def start_execution(self, stateMachineArn, input):  # noqa: A002, N803 - boto3's names
        checked("stepfunctions", "StartExecution", stateMachineArn=stateMachineArn, input=input)
        self.started.append((stateMachineArn, input))
        return {"executionArn": "arn:execution"}

    def get_execution_history(self, **_):
        return {"events": []}

    def describe_execution(self, executionArn):  # noqa: N803 - boto3's name
        return self._described


def retrain(stresswatch, monkeypatch, stepfunctions, *arguments):
    target = Target(
        "stresswatch-dev",
        {stack_outputs.RETRAINING_STATE_MACHINE: "arn:machine"},
        lambda service: stepfunctions,
    )
    monkeypatch.setattr(target_module, "aws_target", lambda stage: target)
    return stresswatch("retrain", *arguments)


def test_retrain_starts_an_execution_without_waiting(stresswatch, monkeypatch):
    stepfunctions = Stepfunctions()
    result = retrain(stresswatch, monkeypatch, stepfunctions)
    assert (result.exit_code, result.stdout) == (0, "Started arn:execution\n")
    ((machine, given),) = stepfunctions.started
    assert machine == "arn:machine"
    assert '"trigger": "operator"' in given


@pytest.mark.parametrize(("options", "forced"), [([], False), (["--force"], True)])
def test_the_force_option_is_passed_to_the_workflow(stresswatch, monkeypatch, options, forced):
    stepfunctions = Stepfunctions()
    retrain(stresswatch, monkeypatch, stepfunctions, *options)
    ((_, given),) = stepfunctions.started
    assert ('"force": true' in given) is forced


@pytest.mark.parametrize(
    ("accepted", "lines"),
    [
        (True, ["The gate accepted v2; it is the champion now.", "The gate, against v1:"]),
        (
            False,
            [
                "The gate rejected v2; the champion stays.",
                "The gate, against v1:",
                HOLDOUTS,
                "- FAILED: F1: it is [too] low; required: [much] more",
            ],
        ),
    ],
)
def test_retrain_with_wait_prints_the_gates_verdict(stresswatch, monkeypatch, accepted, lines):
    check = Check("F1", None, None, None, accepted, "[much] more", "it is [too] low")
    checks = [asdict(check)]
    output = {
        "gate": {"accepted": accepted, "version": "v2", "parent": "v1", "checks": checks},
        **({"promotion": {"version": "v2"}} if accepted else {}),
    }
    result = retrain(stresswatch, monkeypatch, Stepfunctions(output), "--wait")
    assert result.exit_code == 0
    told = " ".join(result.stdout.split())
    assert told.startswith(" ".join(["Started arn:execution", *lines]))


@pytest.mark.parametrize(
    ("ended", "told"),
    [
        (
            {"error": "States.Fail", "cause": '{"Error": "E", "Cause": "One label only."}'},
            "E: One label only.",
        ),
        ({"error": "States.Runtime", "cause": "no such path"}, "no such path."),
        ({"error": "States.Timeout"}, "States.Timeout."),
        ({}, "no cause was given."),
    ],
)
def test_a_failed_retraining_is_reported_with_its_cause(stresswatch, monkeypatch, ended, told):
    execution = Stepfunctions(status="FAILED", **ended)
    result = retrain(stresswatch, monkeypatch, execution, "--wait")
    assert (result.exit_code, result.stderr) == (1, f"The retraining failed: {told}\n")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["trend", "--by", "month"], "'--by': 'month' is not one of 'day', 'week'."),
        (["queue", "export", "--format", "x"], "'--format': 'x' is not one of 'label-studio',"),
        (["queue", "--width", "x"], "'--width': 'x' is not a number from 0.1 to 100."),
        (["dashboard", "--port", "9.5"], "'--port': '9.5' is not a whole number from 0 to 65535."),
        (["dashboard", "--port", "99999"], "'99999' is not a whole number from 0 to 65535."),
        (["smoke", "--wait", "0"], "'--wait': '0' is not a number from 1 to 3600."),
        (["versions", "--newest", "0"], "'--newest': '0' is not a whole number of at least 1."),
    ],
)
def test_a_bad_value_is_rejected_with_the_accepted_ones(stresswatch, command, said):
    result = stresswatch(*command)
    assert result.exit_code == 2
    assert said in " ".join(result.output.replace("│", " ").split())


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("cost", "Longest batch window in seconds, for the table of the cheapest settings"),
        ("reset", "Required: it deletes only the local stack's data."),
    ],
)
def test_the_help_of_an_option_says_what_it_governs(stresswatch, monkeypatch, command, said):
    monkeypatch.setenv("COLUMNS", "200")
    shown = stresswatch(command, "--help").stdout
    assert said in " ".join(shown.replace("│", " ").split())
