"""The output of `status` on the monitoring workflow's runs, on moto."""

import json
from dataclasses import replace
from datetime import datetime

import boto3
import pytest

from cli.deployment.client import DeploymentClient
from cli.status.snapshot import take_snapshot
from stresswatch.aws import stack_outputs
from tests.integration import test_status
from tests.integration.test_status import HOUR, line, show

target = test_status.target


class Machine:
    """A state machine with executions in the states that a test chooses."""

    def __init__(self, target, arn):
        self._arn = arn
        self._runs = {}
        self.target = replace(target, client=self._client)

    def run(self, status, cause=""):
        started = boto3.client("stepfunctions").start_execution(stateMachineArn=self._arn)
        self._runs[started["executionArn"]] = {"status": status, "cause": cause}

    def _client(self, service):
        made = boto3.client(service)
        if service == "stepfunctions":
            listed, described = made.list_executions, made.describe_execution

            def list_executions(**request):
                found = listed(**request)["executions"]
                known = {one["executionArn"]: one for one in found}
                newest = [arn for arn in reversed(self._runs) if arn in known]
                return {"executions": [known[arn] | self._runs[arn] for arn in newest]}

            made.list_executions = list_executions
            made.describe_execution = lambda **request: (
                described(**request) | self._runs[request["executionArn"]]
            )
        return made


@pytest.fixture
def machine(target):
    """The monitoring workflow as a separate machine, with the results that a test chooses."""
    machine = boto3.client("stepfunctions").create_state_machine(
        name="monitoring",
        roleArn="arn:aws:iam::123456789012:role/monitoring",
        definition=json.dumps({"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}),
    )["stateMachineArn"]
    return Machine(
        replace(
            target, outputs={**target.outputs, stack_outputs.MONITORING_STATE_MACHINE: machine}
        ),
        machine,
    )


def test_monitoring_without_runs_is_shown_as_never_ran(machine):
    assert "never ran" in line(show(machine.target), "monitoring ")


def test_unfinished_parts_of_the_last_run_are_shown(machine):
    machine.run("SUCCEEDED")
    machine.run("FAILED", cause="2 unfinished: shard 1 of predictions; drift, 10:00")
    told = line(show(machine.target, width=200), "monitoring ")
    assert "UTC: failed, 2 unfinished: shard 1 of predictions; drift, 10:00" in told
    assert "succeeded" not in told


def test_the_last_finished_run_is_shown_beside_a_running_one(machine):
    machine.run("SUCCEEDED")
    machine.run("FAILED", cause="1 unfinished: live quality")
    machine.run("RUNNING")
    shown = show(machine.target, width=200)
    assert "UTC: running" in line(shown, "monitoring ")
    assert "failed, 1 unfinished: live quality" in shown
    assert "succeeded" not in shown


def test_json_has_the_runs_with_their_states(machine):
    machine.run("FAILED", cause="1 unfinished: live quality")
    machine.run("RUNNING")
    told = take_snapshot(DeploymentClient(machine.target), "dev", HOUR).as_dict()
    assert json.loads(json.dumps(told)) == told
    runs = [(one["status"], one["summary"]) for one in told["monitoring"]]
    assert runs == [
        ("RUNNING", "running, A State"),
        ("FAILED", "failed, 1 unfinished: live quality"),
    ]
    assert all(datetime.fromisoformat(one["started"]) for one in told["monitoring"])
    assert (told["champion"], told["challenger"]) == (None, None)
    assert told["unreadable"] == {}
