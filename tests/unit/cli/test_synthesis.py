"""A synthesis in a process of its own."""

import fcntl
import os
import subprocess
from threading import Event, Thread

from cli import synthesis


def test_two_syntheses_into_one_folder_take_turns(tmp_path, monkeypatch):
    begun = Event()

    def run(*arguments, **how):
        begun.set()
        return subprocess.CompletedProcess(arguments, 0)

    monkeypatch.setattr(synthesis.subprocess, "run", run)
    first = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(first, fcntl.LOCK_EX)
    second = Thread(target=synthesis.synthesize, args=(tmp_path,))
    second.start()
    assert not begun.wait(0.2)
    os.close(first)
    assert begun.wait(10)
    second.join()
