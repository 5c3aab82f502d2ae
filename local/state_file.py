"""A lock and a description of the running local stack, for other processes."""

from __future__ import annotations

import fcntl
import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from local.endpoint import Endpoint
from local.errors import LocalStackError

_HOLD_SECONDS = 2.0


@dataclass(frozen=True)
class LocalStack:
    """A running local stack."""

    endpoint: str
    region: str
    stack_name: str
    outputs: dict[str, str]
    pid: int
    started_at: str
    """ISO 8601."""

    def client(self, service: str) -> Any:
        """Return a boto3 client of the local endpoint, with the operator's credentials."""
        return Endpoint(self.endpoint, self.region).client(service)


class Folder:
    """The folder of a local stack."""

    def __init__(self, directory: Path):
        self.path = directory.resolve()
        self.log = self.path / "local.log"
        self.state = self.path / "state"
        self.checkpoints = self.path / "checkpoints"
        self._file = self.path / "local.json"
        self._lock_file = self.path / "local.lock"
        self._lock: IO[str] | None = None

    def hold(self, patience: float = _HOLD_SECONDS) -> None:
        """Lock the folder until this process ends.

        Unlike a process id in a file, a lock never outlives its process.

        Parameters
        ----------
        patience
            Seconds to wait for another process to release it.

        Raises
        ------
        LocalStackError
            When another process holds it.
        """
        deadline = time.monotonic() + patience
        while not (lock := self._try_lock(makes_folder=True)):
            # A process that only checks the lock holds it briefly.
            if time.monotonic() > deadline:
                raise LocalStackError(
                    f"another process is starting or stopping the local stack in {self.path}"
                )
            time.sleep(0.05)
        self._lock = lock

    @property
    def is_held(self) -> bool:
        """Return whether a process runs, starts or stops a local stack here."""
        if not self._lock_file.exists():
            return False
        lock = self._try_lock()
        if lock:
            lock.close()
        return lock is None and self._lock_file.exists()

    def _try_lock(self, *, makes_folder: bool = False) -> IO[str] | None:
        """Lock the file; retry with a new file if a reset deleted it after the opening."""
        if makes_folder:
            self.path.mkdir(parents=True, exist_ok=True)
        try:
            file = self._lock_file.open("w")
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(file.fileno()).st_ino == self._lock_file.stat().st_ino:
                return file
        except (BlockingIOError, FileNotFoundError):
            pass
        file.close()
        return None

    def read(self) -> LocalStack | None:
        """Read the description; remove that of a killed process."""
        if not self._file.exists():
            return None
        if not self.is_held:
            self.remove()
            return None
        described = json.loads(self._file.read_text())
        return LocalStack(
            endpoint=described["endpoint"],
            region=described["region"],
            stack_name=described["stack"],
            outputs=described["outputs"],
            pid=described["pid"],
            started_at=described["started_at"],
        )

    def write(self, stack: LocalStack) -> None:
        """Write the description atomically."""
        described = asdict(stack)
        described["stack"] = described.pop("stack_name")
        temporary = self._file.with_suffix(".tmp")
        temporary.write_text(json.dumps(described, indent=2))
        os.replace(temporary, self._file)  # noqa: PTH105 - atomic

    def remove(self) -> None:
        self._file.unlink(missing_ok=True)
