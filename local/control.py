"""Start, find and stop the background process of the local stack."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from local.daemon import DETACH
from local.emulator.server import PROJECT
from local.errors import LocalStackError
from local.state_file import Folder, LocalStack

_STOP_SECONDS = 30.0
_TAIL_LINES = 15

_started: list[subprocess.Popen[str]] = []
"""Child processes, which are reaped here after they end."""


def up(
    directory: Path,
    *,
    template_directory: Path,
    on_progress: Callable[[str], None],
    port: int | None = None,
    tracking_uri: str | None = None,
) -> LocalStack:
    """Start the local stack in the background, and wait until it is ready.

    If a stack already runs in the directory, return it. The directory keeps a stopped stack's data
    for the next start.

    Parameters
    ----------
    directory
        Folder for state, log and checkpoints.
    template_directory
        The synthesised app.
    on_progress
        Called with a few words for each step.
    port
        Port of the endpoint; a free one by default.
    tracking_uri
        MLflow tracking address for training jobs; none by default.

    Raises
    ------
    LocalStackError
        When it does not start; the message has the end of the log. No process stays running, also
        after an interruption.
    """
    folder = Folder(directory)
    if stack := folder.read():
        return stack
    command = [sys.executable, "-m", "local", str(folder.path), str(template_directory.resolve())]
    if port is not None:
        command += ["--port", str(port)]
    if tracking_uri is not None:
        command += ["--tracking-uri", tracking_uri]
    process = subprocess.Popen(  # noqa: S603 - this package itself
        command,
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # shields the process from Ctrl-C in this terminal
    )
    _started.append(process)
    try:
        stack = _wait_until_ready(process, folder, on_progress)
        _say_detach(process)
    except BaseException:
        _end(process)
        raise
    return stack


def running(directory: Path) -> LocalStack | None:
    """Return the local stack that runs in the directory, if any."""
    return Folder(directory).read()


def down(directory: Path) -> bool:
    """Stop the local stack; return whether one was running."""
    folder = Folder(directory)
    stack = folder.read()
    if stack is None:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(stack.pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_SECONDS
    while folder.is_held:
        if time.monotonic() > deadline:
            with contextlib.suppress(ProcessLookupError):
                os.kill(stack.pid, signal.SIGKILL)
            deadline += _STOP_SECONDS
        time.sleep(0.05)
    folder.remove()
    for process in _started:
        if process.pid == stack.pid:
            process.wait()
    return True


def _wait_until_ready(
    process: subprocess.Popen[str], folder: Folder, on_progress: Callable[[str], None]
) -> LocalStack:
    assert process.stdout  # noqa: S101 - it is a pipe
    stray: list[str] = []
    for line in process.stdout:
        try:
            message = json.loads(line)
        except json.JSONDecodeError:
            stray.append(line)
            continue
        if "progress" in message:
            on_progress(message["progress"])
        elif "error" in message:
            raise LocalStackError(f"{message['error']}\n{_tail(folder)}".strip())
        elif stack := folder.read():
            return stack
    raise LocalStackError("the local stack did not start\n" + "".join(stray[-_TAIL_LINES:]))


def _tail(folder: Folder) -> str:
    if not folder.log.exists():
        return ""
    lines = folder.log.read_text(errors="replace").splitlines()
    return "\n".join([f"The end of {folder.log}:", *lines[-_TAIL_LINES:]])


def _say_detach(process: subprocess.Popen[str]) -> None:
    assert process.stdin  # noqa: S101 - both are pipes
    assert process.stdout  # noqa: S101
    process.stdin.write(f"{DETACH}\n")
    process.stdin.close()
    process.stdout.close()


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
