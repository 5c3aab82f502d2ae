"""The workflow's first state on moto: one retraining at a time, and a cool-down."""

from lambdas.admission.handler import handler as admission
from stresswatch.retraining.journal import Journal
from tests.integration.conftest import CONTEXT
from tests.integration.retraining.workflow import counted


class TestAdmission:
    def test_the_first_retraining_may_begin(self, aws, executions):
        assert admission(executions.start(), CONTEXT) == {"admitted": True, "reason": ""}

    def test_one_runs_at_a_time(self, aws, executions):
        first, second = executions.start("first"), executions.start("second")
        admission(first, CONTEXT)
        assert admission(second, CONTEXT) == {
            "admitted": False,
            "reason": "first is still retraining",
        }

    def test_a_retried_admission_answers_the_same(self, aws, executions):
        first = executions.start()
        assert admission(first, CONTEXT) == admission(first, CONTEXT)

    def test_after_a_training_no_other_begins_until_the_cool_down_is_over(self, aws, executions):
        first = executions.start("first")
        admission(first, CONTEXT)
        executions.stop(first)
        refused = admission(executions.start("second"), CONTEXT)
        assert not refused["admitted"]
        assert "the next may begin 60 minutes later" in refused["reason"]

    def test_a_stopped_execution_leaves_no_lease_behind(self, aws, executions, monkeypatch):
        monkeypatch.setenv("COOL_DOWN_MINUTES", "0")
        first = executions.start("first")
        admission(first, CONTEXT)
        executions.stop(first)
        assert admission(executions.start("second"), CONTEXT)["admitted"]

    def test_who_insists_need_not_wait_but_runs_alone_all_the_same(self, aws, executions):
        first = executions.start("first")
        admission(first, CONTEXT)
        second = executions.start("second", force=True)
        assert not admission(second, CONTEXT)["admitted"]
        executions.stop(first)
        assert admission(second, CONTEXT)["admitted"]

    def test_of_two_at_the_same_moment_one_begins(self, aws, executions, monkeypatch):
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

    def test_what_was_suppressed_is_counted(self, aws, executions, capsys):
        first, second = executions.start("first"), executions.start("second")
        admission(first, CONTEXT)
        admission(second, CONTEXT)
        assert counted(capsys, "RetrainingsSuppressed") == [0, 1]
