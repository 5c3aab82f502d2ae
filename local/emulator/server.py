"""The emulator (`ministack`) as a child process."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from botocore.exceptions import BotoCoreError

from local.activity import Activity
from local.clock import accelerated_clock
from local.endpoint import Endpoint
from local.errors import LocalStackError

HOST = "127.0.0.1"
SAVE_PATH = "/_local/save"
"""A request to this path saves all of the emulator's state."""
PROJECT = Path(__file__).parents[2]
_START_SECONDS = 30.0
_STOP_SECONDS = 10.0


@dataclass
class Server:
    """The running emulator. Its functions run as its children, in the same process group."""

    endpoint: Endpoint
    process: subprocess.Popen[bytes]

    @classmethod
    def start(
        cls,
        state: Path,
        log: IO[bytes],
        port: int | None = None,
        activity: Activity | None = None,
    ) -> Server:
        """Start the emulator with the state in the folder, and wait until it answers.

        An activity is notified of each request except the daemon's own polls.

        Raises
        ------
        LocalStackError
            When the port is taken, or the emulator does not start.
        """
        port = free_port() if port is None else port
        if _answers(port):
            raise LocalStackError(
                f"port {port} of {HOST} is taken; choose another, or stop the other process"
            )
        temporary = state / "tmp"
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        told, tells = os.pipe()
        threading.Thread(target=(activity or Activity()).follow, args=(told,), daemon=True).start()
        try:
            process = subprocess.Popen(  # noqa: S603 - this package itself
                [sys.executable, "-m", "local.emulator.process", str(state), str(tells)],
                cwd=PROJECT,
                env=_environment(state, temporary, port),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=(tells,),
            )
        finally:
            os.close(tells)
        server = cls(Endpoint(f"http://{HOST}:{port}"), process)
        try:
            server._wait_until_ready()
        except BaseException:
            server.stop()
            raise
        return server

    def save(self) -> None:
        """Have the emulator write its state to disk, so that it survives a kill."""
        with urllib.request.urlopen(f"{self.endpoint.url}{SAVE_PATH}"):  # noqa: S310 - it is ours
            pass

    def stop(self) -> None:
        """Let the emulator save its state and exit; end its remaining processes."""
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(_STOP_SECONDS)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise LocalStackError(
                    f"the emulator ended at its start, with exit code {self.process.returncode}"
                )
            try:
                self.endpoint.client("sts").get_caller_identity()
            except BotoCoreError:
                time.sleep(0.05)
            else:
                return
        raise LocalStackError(f"the emulator did not answer within {_START_SECONDS:.0f} s")


def free_port() -> int:
    """Find a free port."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def _environment(state: Path, temporary: Path, port: int) -> dict[str, str]:
    """Return the emulator's settings, without those of the user's AWS account."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "PYTHON", "LAMBDA_", "SFN_"))
    }
    if accelerated_clock.is_accelerated():
        kept["PYTHONPATH"] = os.environ["PYTHONPATH"]
    return kept | {
        "AUTH": "true",
        "BIND_HOST": HOST,
        "MINISTACK_HOST": HOST,
        "GATEWAY_PORT": str(port),
        "PERSIST_STATE": "1",
        "STATE_DIR": str(state / "services"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(state / "s3"),
        "TMPDIR": str(temporary),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
    }
