"""Threads that work until they are told to stop."""

import threading

import pytest
from botocore.exceptions import ClientError

from local import crew as crew_module
from local.crew import Crew

REFUSAL = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetRecords")


def test_work_is_repeated_until_it_is_told_to_stop() -> None:
    crew, repeated, done = Crew(), threading.Event(), [0]

    def work() -> None:
        done[0] += 1
        if done[0] == 3:
            repeated.set()

    crew.repeat("work", 0.0, work)
    assert repeated.wait(10)
    crew.stop(10)
    assert crew.failure is None


def test_a_call_that_is_refused_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew_module, "_PAUSE_AFTER_REFUSAL", 0.0)
    crew, succeeded, outcomes = Crew(), threading.Event(), [REFUSAL]

    def work() -> None:
        if outcomes:
            raise outcomes.pop()
        succeeded.set()

    crew.repeat("work", 0.0, work)
    assert succeeded.wait(10)
    crew.stop(10)
    assert crew.failure is None


def test_when_one_breaks_all_are_told_to_stop() -> None:
    crew, error = Crew(), ZeroDivisionError()

    def breaks() -> None:
        raise error

    def waits() -> None:
        crew.stopping.wait(10)

    crew.start("waits", waits)
    crew.start("breaks", breaks)
    assert crew.stopping.wait(10)
    crew.stop(10)
    assert crew.failure is error
