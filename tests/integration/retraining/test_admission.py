"""The workflow's first state on moto: one retraining at a time, and a cool-down."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from lambdas.admission.handler import handler as admission
from stresswatch.retraining.journal import Journal
from stresswatch.versions.champion import Pointer
from stresswatch.versions.shadow import ShadowPointer, write_shadow
from tests.integration.conftest import CONTEXT, ENVIRONMENT
from tests.integration.retraining.workflow import BY_SCHEDULE, DRIFT_ALARM, counted

VERSION = Pointer("v1", "s3://models/models/v1/", "0" * 64)


class TestAdmission:
    def test_the_first_retraining_is_admitted(self, aws, executions):
        assert admission(executions.start(), CONTEXT) == {
            "admitted": True,
            "reason": "",
            "again_at": None,
        }

    def test_only_one_retraining_runs_at_a_time(self, aws, executions):
        first, second = executions.start("first"), executions.start("second")
        admission(first, CONTEXT)
        assert admission(second, CONTEXT) == {
            "admitted": False,
            "reason": "first is still retraining",
            "again_at": None,
        }

    def test_a_retried_admission_gives_the_same_answer(self, aws, executions):
        first = executions.start()
        assert admission(first, CONTEXT) == admission(first, CONTEXT)

    def test_a_retraining_during_the_cool_down_is_denied(self, aws, executions):
        first = executions.start("first")
        admission(first, CONTEXT)
        executions.stop(first)
        refused = admission(executions.start("second"), CONTEXT)
        assert not refused["admitted"]
        ended, may_begin = re.findall(r"(?:ended|begin) at (\S+Z)", refused["reason"])
        waits = datetime.fromisoformat(may_begin) - datetime.fromisoformat(ended)
        assert waits == timedelta(minutes=60)

    def test_a_stopped_execution_releases_its_lease(self, aws, executions, monkeypatch):
        monkeypatch.setenv("COOL_DOWN_MINUTES", "0")
        first = executions.start("first")
        admission(first, CONTEXT)
        executions.stop(first)
        assert admission(executions.start("second"), CONTEXT)["admitted"]

    def test_a_forced_retraining_skips_only_the_cool_down(self, aws, executions):
        first = executions.start("first")
        admission(first, CONTEXT)
        second = executions.start("second", force=True)
        assert not admission(second, CONTEXT)["admitted"]
        executions.stop(first)
        assert admission(second, CONTEXT)["admitted"]

    def test_only_one_of_two_concurrent_requests_is_admitted(self, aws, executions, monkeypatch):
        """The other takes the lease between this one's look at it and its own attempt."""
        first, second = executions.start("first"), executions.start("second")
        look = Journal.lease_holder

        def overtaken(journal):
            holder = look(journal)
            if holder is None:
                journal.take_lease(second["execution"], after=None)
            return holder

        monkeypatch.setattr(Journal, "lease_holder", overtaken)
        assert admission(first, CONTEXT)["reason"] == "second is still retraining"
        assert admission(second, CONTEXT)["admitted"]

    def test_suppressed_retrainings_are_counted(self, aws, executions, capsys):
        first, second = executions.start("first"), executions.start("second")
        admission(first, CONTEXT)
        admission(second, CONTEXT)
        assert counted(capsys, "RetrainingsSuppressed") == [0, 1]


class TestProbation:
    @pytest.fixture
    def first(self, aws, executions):
        first = executions.start("first")
        admission(first, CONTEXT)
        return first

    @pytest.fixture
    def shadow(self, aws, first):
        def begin(ends, on_probation="v2"):
            pointer = ShadowPointer(VERSION, ends, on_probation)
            write_shadow(aws.ssm, ENVIRONMENT["SHADOW_PARAMETER"], pointer)

        return begin

    def ask(self, executions, request):
        return admission({**executions.start("second"), "request": request}, CONTEXT)

    def test_an_alarm_is_deferred_until_after_probation_and_cool_down(
        self, executions, shadow, capsys
    ):
        ends = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=3)
        shadow(ends)
        answer = self.ask(executions, DRIFT_ALARM)
        assert not answer["admitted"]
        assert datetime.fromisoformat(answer["again_at"]) == ends + timedelta(hours=1)
        assert counted(capsys, "RetrainingsSuppressed")[-1] == 0

    def test_an_alarm_is_admitted_after_probation_and_cool_down(
        self, aws, executions, first, shadow, monkeypatch
    ):
        monkeypatch.setenv("COOL_DOWN_MINUTES", "0")
        shadow(datetime.now(UTC))
        executions.stop(first)
        assert self.ask(executions, DRIFT_ALARM)["admitted"]

    def test_an_alarm_is_briefly_deferred_during_the_last_evaluation(
        self, executions, shadow, monkeypatch
    ):
        monkeypatch.setenv("COOL_DOWN_MINUTES", "0")
        shadow(datetime.now(UTC) - timedelta(minutes=5))
        again_at = datetime.fromisoformat(self.ask(executions, DRIFT_ALARM)["again_at"])
        assert timedelta(0) < again_at - datetime.now(UTC) <= timedelta(minutes=1)

    def test_a_scheduled_request_is_not_deferred(self, executions, shadow):
        shadow(datetime.now(UTC) + timedelta(hours=3))
        assert self.ask(executions, BY_SCHEDULE)["again_at"] is None

    @pytest.mark.parametrize(
        ("ended", "on_probation"), [(timedelta(hours=1), "v2"), (timedelta(hours=-1), "")]
    )
    def test_without_a_probation_an_alarm_is_suppressed(
        self, executions, shadow, capsys, ended, on_probation
    ):
        shadow(datetime.now(UTC) - ended, on_probation)
        assert self.ask(executions, DRIFT_ALARM)["again_at"] is None
        assert counted(capsys, "RetrainingsSuppressed")[-1] == 1
