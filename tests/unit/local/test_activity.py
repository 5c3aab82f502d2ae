"""A quiet stack waits for the next request, with a time limit."""

import os
import threading

import pytest

from local.activity import Activity

LONG = 3600.0


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_stack_is_not_quiet_for_some_seconds_after_a_request() -> None:
    clock = Clock()
    activity = Activity(5.0, LONG, clock)
    clock.now += 10.0
    activity.notice()
    clock.now += 4.9
    assert not activity.wait_while_quiet()


def test_a_stack_that_has_just_started_is_not_quiet() -> None:
    assert not Activity(LONG, LONG).wait_while_quiet()


def test_a_quiet_stack_polls_again_after_the_time_limit() -> None:
    assert Activity(0.0, 0.01).wait_while_quiet()


def test_a_request_ends_the_wait_of_every_thread() -> None:
    activity, woken = Activity(0.0, LONG), [threading.Event() for _ in range(3)]

    def wait(event: threading.Event) -> None:
        if activity.wait_while_quiet():
            event.set()

    threads = [threading.Thread(target=wait, args=(one,), daemon=True) for one in woken]
    for thread in threads:
        thread.start()
    while not all(event.wait(0.05) for event in woken):
        activity.notice()


def test_writes_to_the_pipe_are_noticed_until_it_closes() -> None:
    clock = Clock()
    activity = Activity(5.0, 0.01, clock)
    clock.now += 10.0
    assert activity.wait_while_quiet()
    told, tells = os.pipe()
    os.write(tells, b"..")
    os.close(tells)
    activity.follow(told)
    assert not activity.wait_while_quiet()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(told)
