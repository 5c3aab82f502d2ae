"""Each execution's end is counted once, also when the emulator never lets it time out."""

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from local.metrics.services import ExecutionOutcomes

MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:retraining"


class States:
    """One state machine, whose executions a test puts in."""

    def __init__(self, definition):
        self.definition = definition
        self.executions = {}
        self.stopped = []

    def run(self, arn, status, seconds=0):
        started = datetime.now(UTC) - timedelta(seconds=seconds)
        self.executions[arn] = {"executionArn": arn, "status": status, "startDate": started}

    def get_paginator(self, _):
        def paginate(stateMachineArn):  # noqa: N803 - boto3's name
            yield {"executions": list(self.executions.values())}

        return SimpleNamespace(paginate=paginate)

    def describe_state_machine(self, stateMachineArn):  # noqa: N803 - boto3's name
        return {"definition": json.dumps(self.definition)}

    def stop_execution(self, executionArn, error, cause):  # noqa: N803 - boto3's names
        self.stopped.append((executionArn, error))
        self.executions[executionArn]["status"] = "ABORTED"


class CloudWatch:
    def __init__(self):
        self.counted = []

    def put_metric_data(self, Namespace, MetricData):  # noqa: N803 - boto3's names
        self.counted += [datum["MetricName"] for datum in MetricData]


@pytest.fixture
def cloudwatch():
    return CloudWatch()


@pytest.fixture
def outcomes(cloudwatch):
    def made(states):
        clients = {"stepfunctions": states, "cloudwatch": cloudwatch}
        return ExecutionOutcomes([MACHINE], SimpleNamespace(client=clients.get))

    return made


@pytest.mark.parametrize(
    ("status", "metric"),
    [
        ("FAILED", "ExecutionsFailed"),
        ("ABORTED", "ExecutionsAborted"),
        ("SUCCEEDED", "ExecutionsSucceeded"),
    ],
)
def test_the_end_of_an_execution_is_counted_once(outcomes, cloudwatch, status, metric):
    states = States({})
    measured = outcomes(states)
    states.run("new", status)
    measured.tick()
    measured.tick()
    assert cloudwatch.counted == [metric]


def test_executions_that_ended_earlier_are_not_counted(outcomes, cloudwatch):
    states = States({})
    states.run("old", "FAILED")
    outcomes(states).tick()
    assert cloudwatch.counted == []


def test_an_overdue_execution_is_stopped_and_counted_as_timed_out(outcomes, cloudwatch):
    states = States({"TimeoutSeconds": 60})
    measured = outcomes(states)
    states.run("late", "RUNNING", seconds=61)
    states.run("in time", "RUNNING", seconds=30)
    measured.tick()
    measured.tick()
    assert states.stopped == [("late", "States.Timeout")]
    assert cloudwatch.counted == ["ExecutionsTimedOut"]


def test_without_a_time_limit_an_execution_runs_on(outcomes, cloudwatch):
    states = States({})
    measured = outcomes(states)
    states.run("long", "RUNNING", seconds=10**6)
    measured.tick()
    assert states.stopped == []
    assert cloudwatch.counted == []
