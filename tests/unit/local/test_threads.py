"""Threads that work until they receive a stop."""

import threading

from botocore.exceptions import ClientError

from local.activity import Activity
from local.threads import Threads

REFUSAL = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetRecords")


def test_work_is_repeated_until_a_stop() -> None:
    threads, repeated, done = Threads(), threading.Event(), [0]

    def work() -> None:
        done[0] += 1
        if done[0] == 3:
            repeated.set()

    threads.repeat("work", 0.0, work)
    assert repeated.wait(60)
    threads.stop(10)
    assert threads.failure is None


def test_a_failed_aws_call_is_retried() -> None:
    threads = Threads(pause_after_refusal=0.0)
    succeeded, outcomes = threading.Event(), [REFUSAL]

    def work() -> None:
        if outcomes:
            raise outcomes.pop()
        succeeded.set()

    threads.repeat("work", 0.0, work)
    assert succeeded.wait(60)
    threads.stop(10)
    assert threads.failure is None


def test_when_one_thread_fails_all_are_stopped() -> None:
    threads, error = Threads(), ZeroDivisionError()

    def breaks() -> None:
        raise error

    def waits() -> None:
        threads.stopping.wait(60)

    threads.start("waits", waits)
    threads.start("breaks", breaks)
    assert threads.stopping.wait(60)
    threads.stop(10)
    assert threads.failure is error


def quiet() -> Activity:
    """Return an activity that is quiet between requests, for as long as a test may last."""
    return Activity(attentive_seconds=0.0, quiet_seconds=3600.0)


def test_work_on_a_quiet_stack_is_repeated_when_something_happens() -> None:
    activity, done = quiet(), threading.Semaphore(0)
    threads = Threads(activity)
    threads.repeat("work", 0.0, done.release)
    for _ in range(3):
        while not done.acquire(timeout=0.05):
            activity.notice()
    threads.stop(10)
    assert threads.failure is None


def test_work_on_a_quiet_stack_pauses_until_something_happens() -> None:
    class Counting(Activity):
        waits = 0

        def wait_while_quiet(self) -> bool:
            self.waits += 1
            waiting.set()
            return super().wait_while_quiet()

    waiting, done = threading.Event(), [0]
    activity = Counting(attentive_seconds=0.0, quiet_seconds=3600.0)

    def work() -> None:
        done[0] += 1

    threads = Threads(activity)
    threads.repeat("work", 0.0, work)
    assert waiting.wait(60)
    assert (done, activity.waits) == ([1], 1)
    threads.stop(10)


def test_a_stop_ends_the_wait_of_a_quiet_stack() -> None:
    threads, ended = Threads(quiet()), threading.Event()

    def work() -> None:
        threads.pause(3600.0)
        ended.set()

    threads.start("work", work)
    threads.stop(10)
    assert ended.is_set()


def test_a_failing_thread_ends_the_wait_of_a_quiet_stack() -> None:
    threads, ended = Threads(quiet()), threading.Event()

    def waits() -> None:
        threads.pause(3600.0)
        ended.set()

    def breaks() -> None:
        raise ZeroDivisionError

    threads.start("waits", waits)
    threads.start("breaks", breaks)
    assert ended.wait(60)
