"""The daemon rests when nothing happens, except on an accelerated clock."""

import threading

import pytest

from local.activity import Activity
from local.daemon import _make_threads


class Asked(Activity):
    """A stack that is never quiet, and records whether it was asked."""

    was_asked = False

    def wait_while_quiet(self) -> bool:
        self.was_asked = True
        return False


@pytest.mark.parametrize("is_accelerated", [False, True])
def test_work_pauses_on_a_quiet_stack_unless_time_is_accelerated(
    is_accelerated, monkeypatch
) -> None:
    monkeypatch.delenv("FAKETIME_TIMESTAMP_FILE", raising=False)
    if is_accelerated:
        monkeypatch.setenv("FAKETIME_TIMESTAMP_FILE", "offsets")
    activity, repeated = Asked(), threading.Semaphore(0)
    threads = _make_threads(activity)
    threads.repeat("work", 0.0, repeated.release)
    assert repeated.acquire(timeout=60)
    assert repeated.acquire(timeout=60)
    threads.stop(10)
    assert activity.was_asked is not is_accelerated
