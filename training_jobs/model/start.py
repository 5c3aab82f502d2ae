"""The training container's start: drops root privileges before it reads data, then trains.

Linear algebra runs on one thread. The matrices are small, so more threads would wait for each other
and take three times the processor time. The model does not depend on the number of cores.

SageMaker's agent creates ``/opt/ml/model`` and ``/opt/ml/output`` as root, so a container that
starts as another user cannot write its model or failure reason: ``docs/decisions/0011``. This
module imports no third-party code, because it runs as root.
"""

from __future__ import annotations

import os
import pwd
import sys
from pathlib import Path

_TRAINING = "training_jobs.model.train"
_STICKY_FOR_ALL = 0o1777
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def main(arguments: list[str]) -> None:
    """Become the image's ``TRAINING_USER``, if root, and replace this process with the training.

    The image sets the variable. Outside a container, as on the local stack, the process keeps its
    user.
    """
    if "TRAINING_USER" in os.environ and os.geteuid() == 0:
        drop_root(os.environ["TRAINING_USER"], Path("/opt/ml"), Path("/tmp"))  # noqa: S108
    command = [sys.executable, "-m", _TRAINING, *arguments]
    variables = os.environ | _ONE_THREAD
    os.execve(sys.executable, command, variables)  # noqa: S606 - the interpreter that runs this


def drop_root(name: str, prefix: Path, temporary: Path) -> None:
    """Give a job's output folders to a user, and permanently become that user.

    Raises
    ------
    KeyError
        When the image has no user of that name.
    """
    user = pwd.getpwnam(name)
    for folder in (prefix / "model", prefix / "output"):
        folder.mkdir(parents=True, exist_ok=True)
        os.chown(folder, user.pw_uid, user.pw_gid)
    temporary.chmod(_STICKY_FOR_ALL)
    os.environ["HOME"] = user.pw_dir
    os.setgroups([])
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)


if __name__ == "__main__":
    main(sys.argv[1:])
