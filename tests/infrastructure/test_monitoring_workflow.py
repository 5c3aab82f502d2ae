"""The monitoring workflow, run by the emulator with a test's own functions."""

from __future__ import annotations

import itertools
import json

import pytest
from ministack.services import stepfunctions

from cdk_app.constructs.monitoring.workflow_states import FEATURES_KEPT, definition
from cdk_app.settings.errors import InvalidStage
from cdk_app.settings.stages import STAGES
from tests.infrastructure.conftest import PLAIN

FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:"
JOBS = [
    {"archive": "predictions", "start": "09:00", "end": "10:00", "shard": f"shard-{number}"}
    for number in range(3)
]
WINDOWS = [{"start": f"0{hour}:00", "end": f"0{hour + 1}:00", "shards": 3} for hour in range(3)]
FEATURES = {"sentiment": {"drifted": False}}


class Played:
    """The functions' answers, and their requests."""

    _machines = itertools.count()

    def __init__(self, monkeypatch):
        self.asked = []
        self.answers = {
            "plan": {"jobs": JOBS, "windows": WINDOWS, "quality": {"time": "10:00"}},
            "settle": lambda _: {"posts": 1, "objects": 1},
            "drift": lambda window: {"start": window["start"], "features": FEATURES, "failed": {}},
            "quality": {"status": "measured"},
            "rate": {"status": "estimated"},
        }
        monkeypatch.setattr(stepfunctions, "_call_lambda", self._call)
        monkeypatch.setattr(stepfunctions, "_scaled_sleep", lambda _: None)

    def _call(self, arn, event):
        name = arn.removeprefix(FUNCTION)
        self.asked.append((name, event))
        answer = self.answers[name]
        return answer(event) if callable(answer) else answer

    def run(self, event):
        """Run the workflow to its end; return the output, or the error and its cause."""
        machine = definition({name: FUNCTION + name for name in self.answers}, 10)
        name = f"monitoring-{next(self._machines)}"
        role = "arn:aws:iam::000000000000:role/monitoring"
        _, _, made = stepfunctions._create_state_machine(
            {"name": name, "definition": json.dumps(machine), "roleArn": role}
        )
        _, _, ended = stepfunctions._start_sync_execution(
            {**json.loads(made), "input": json.dumps(event)}
        )
        found = json.loads(ended)
        if found["status"] == "SUCCEEDED":
            return json.loads(found["output"])
        return found["error"], found["cause"]

    def invoked(self, name):
        return [event for function, event in self.asked if function == name]


@pytest.fixture
def played(monkeypatch):
    return Played(monkeypatch)


def fails(message, when=lambda _: True):
    def answer(event):
        if when(event):
            cause = json.dumps({"errorMessage": message})
            raise stepfunctions._ExecutionError("Unavailable", cause)
        return {}

    return answer


def test_a_run_settles_each_shard_then_measures_each_window(played):
    output = played.run({"time": "10:02"})
    assert played.invoked("plan") == [{"time": "10:02"}]
    assert sorted(played.invoked("settle"), key=lambda job: job["shard"]) == JOBS
    assert played.invoked("drift") == WINDOWS, "in the order of time"
    assert played.invoked("quality") == played.invoked("rate") == [{"time": "10:00"}]
    assert [name for name, _ in played.asked] == [
        "plan",
        *["settle"] * 3,
        *["drift"] * 3,
        "quality",
        "rate",
    ]
    assert [drift["start"] for drift in output["drift"]] == ["00:00", "01:00", "02:00"]
    assert output["drift"][0] == {"start": "00:00", "features": FEATURES, "failed": {}}
    assert output["quality"] == {"status": "measured"}
    assert output["rate"] == {"status": "estimated"}


def test_a_single_window_is_measured(played):
    played.answers["plan"] = {"jobs": [], "windows": WINDOWS[:1], "quality": None}
    output = played.run({"time": "10:02"})
    assert [drift["start"] for drift in output["drift"]] == ["00:00"]


def test_a_run_with_an_empty_plan_succeeds(played):
    played.answers["plan"] = {"jobs": [], "windows": [], "quality": None}
    assert played.run({"time": "10:02"}) == {"drift": [], "quality": None, "rate": None}
    assert [name for name, _ in played.asked] == ["plan"]


def test_a_settle_only_run_measures_nothing(played):
    event = {"start": "09:00", "end": "10:00", "settle_only": True}
    assert played.run(event) == {"drift": [], "quality": None, "rate": None}
    assert len(played.invoked("settle")) == 3
    assert not played.invoked("drift") + played.invoked("quality") + played.invoked("rate")


def test_a_failing_shard_is_retried_without_stopping_others(played):
    played.answers["settle"] = fails("S3 is away", lambda job: job["shard"] == "shard-1")
    error, cause = played.run({"time": "10:02"})
    tried = [job["shard"] for job in played.invoked("settle")]
    assert (tried.count("shard-0"), tried.count("shard-1")) == (1, 3)
    assert len(played.invoked("drift")) == 3
    assert len(played.invoked("quality")) == 1
    assert error == "Unfinished"
    assert cause.startswith("1 unfinished: shard shard-1 of predictions, 09:00: Unavailable: ")
    assert "S3 is away" in cause


def test_a_failing_window_does_not_stop_others(played):
    played.answers["drift"] = fails("no reference", lambda window: window["start"] == "01:00")
    error, cause = played.run({"time": "10:02"})
    starts = [window["start"] for window in played.invoked("drift")]
    assert starts == ["00:00", "01:00", "01:00", "01:00", "02:00"]
    assert (error, cause[:28]) == ("Unfinished", "1 unfinished: drift, 01:00: ")


def test_a_live_quality_failure_fails_the_run(played):
    played.answers["quality"] = fails("no key")
    error, cause = played.run({"time": "10:02"})
    assert error == "Unfinished"
    assert cause.startswith("1 unfinished: live quality: Unavailable")


def test_the_stress_rate_is_estimated_after_a_live_quality_failure(played):
    played.answers["quality"] = fails("no key")
    _, cause = played.run({"time": "10:02"})
    assert played.invoked("rate") == [{"time": "10:00"}]
    assert cause.startswith("1 unfinished: live quality: ")


def test_a_stress_rate_failure_fails_the_run(played):
    played.answers["rate"] = fails("Athena is away")
    error, cause = played.run({"time": "10:02"})
    assert error == "Unfinished"
    assert cause.startswith("1 unfinished: stress rate: Unavailable")


def test_earlier_failures_are_reported_with_the_last_one(played):
    for name in ("settle", "quality", "rate"):
        played.answers[name] = fails(f"no {name}")
    _, cause = played.run({"time": "10:02"})
    assert cause.startswith("5 unfinished: shard ")
    assert [f"no {name}" in cause for name in ("settle", "quality", "rate")] == [True] * 3


def test_a_failure_is_reported_when_live_quality_is_not_due(played):
    played.answers["plan"] = {"jobs": JOBS, "windows": WINDOWS, "quality": None}
    played.answers["settle"] = fails("S3 is away")
    _, cause = played.run({"time": "10:02"})
    assert cause.startswith("3 unfinished: shard ")


def test_at_most_five_failures_are_reported(played):
    jobs = [JOBS[0] | {"shard": f"shard-{number}"} for number in range(9)]
    played.answers["plan"] = {"jobs": jobs, "windows": [], "quality": None}
    played.answers["settle"] = fails("S3 is away")
    _, cause = played.run({"time": "10:02"})
    assert cause.startswith("9 unfinished: ")
    assert cause.count("S3 is away") == 5


def test_a_failing_plan_is_retried_and_fails_the_run(played):
    played.answers["plan"] = fails("no bucket")
    error, cause = played.run({"time": "10:02"})
    assert len(played.invoked("plan")) == 3
    assert (error, json.loads(cause)) == ("Unavailable", {"errorMessage": "no bucket"})


@pytest.mark.parametrize(("windows", "kept"), [(FEATURES_KEPT, True), (FEATURES_KEPT + 1, False)])
def test_features_are_dropped_from_the_output_of_many_windows(played, windows, kept):
    played.answers["plan"] = {"jobs": [], "windows": WINDOWS[:1] * windows, "quality": None}
    output = played.run({"time": "10:02"})
    assert len(output["drift"]) == windows
    assert all(("features" in drift) is kept for drift in output["drift"])


def test_a_thousand_failures_fit_into_the_workflow_state():
    """They hold 256 KB."""
    job = "shard shardId-000000000000 of predictions, 2026-11-30T09:00:00+00:00"
    noted = {"unfinished": f"{job}: Lambda.TooManyRequestsException: {'c' * 120}"}
    assert len(json.dumps([noted] * 1000)) < 256 * 1024


def test_parallel_settling_matches_the_reserved_concurrency(production):
    most = STAGES["prod"].monitoring.settle_concurrency
    settle = production.one("AWS::Lambda::Function", "MonitoringSettle")
    assert settle["ReservedConcurrentExecutions"] == most
    assert settle["EphemeralStorage"] == {"Size": 4096}
    machine = production.one("AWS::StepFunctions::StateMachine", "Monitoring")
    assert f'"MaxConcurrency":{most}' in json.dumps(machine["DefinitionString"]).replace("\\", "")


def test_settle_concurrency_is_limited_to_forty():
    """https://docs.aws.amazon.com/step-functions/latest/dg/state-map-inline.html."""
    assert PLAIN.changed(monitoring={"settle_concurrency": 40}).monitoring.settle_concurrency == 40
    with pytest.raises(InvalidStage, match="settle_concurrency is 41; it must be between 1 and 40"):
        PLAIN.changed(monitoring={"settle_concurrency": 41})


def test_one_schedule_starts_the_workflow_after_each_window(any_stage):
    schedule = any_stage.one("AWS::Scheduler::Schedule", "MonitoringSchedule")
    assert schedule["ScheduleExpression"] == "cron(2 0/1 * * ? *)"
    target = schedule["Target"]
    assert target["Arn"]["Ref"].startswith("MonitoringWorkflow")
    assert json.loads(target["Input"]) == {"time": "<aws.scheduler.scheduled-time>"}
