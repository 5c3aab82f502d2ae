"""Run `aws` and `stresswatch` for a shell, in forks of a process that has imported them.

Each takes a second of processor time to start, and the documentation has a hundred lines of
them. Their own entry points run, with the caller's words, folder, variables and streams.
`python -m tests.e2e.warm FOLDER` puts programs with these names into a folder, and says when it is
ready for them.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from awscli import clidriver

from cli.main import app

CALLER = """#!{python} -IS
import json, os, socket, sys
name = os.path.basename(sys.argv[0])
call = json.dumps([[name, *sys.argv[1:]], os.getcwd(), dict(os.environ)]).encode()
with socket.socket(socket.AF_UNIX) as connection:
    connection.connect({address!r})
    socket.send_fds(connection, [call], [0, 1, 2])
    connection.shutdown(socket.SHUT_WR)
    status = connection.recv(1)
sys.exit(status[0] if status else 1)
"""


def aws() -> int:
    # Version 1 calls queues at a separate address, regardless of the variable.
    sys.argv[1:1] = ["--endpoint-url", os.environ["AWS_ENDPOINT_URL"]]
    return int(clidriver.main())


PROGRAMS: dict[str, Callable[[], object]] = {"aws": aws, "stresswatch": app}


def serve(folder: Path) -> None:
    clidriver.create_clidriver()  # which imports what the first call would
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the forks end without a wait
    with socket.socket(socket.AF_UNIX) as listener:
        address = str(folder / ".warm")
        listener.bind(address)
        listener.listen()
        for name in PROGRAMS:
            program = folder / name
            program.write_text(CALLER.format(python=sys.executable, address=address))
            program.chmod(0o755)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            connection, _ = listener.accept()
            if os.fork() == 0:
                os._exit(answer(connection))
            connection.close()


def answer(connection: socket.socket) -> int:
    """Do in this fork what a caller requests, and report the status."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    message, descriptors, *_ = socket.recv_fds(connection, 1 << 20, 3)
    while more := connection.recv(1 << 20):
        message += more
    words, folder, variables = json.loads(message)
    for target, source in enumerate(descriptors):
        os.dup2(source, target)
    os.chdir(folder)
    os.environ.update(variables)
    sys.argv = words
    status = ended(PROGRAMS[words[0]])
    connection.send(bytes([status]))
    return status


def ended(program: Callable[[], object]) -> int:
    """Run a program's entry point as an interpreter does; return its status."""
    try:
        sys.exit(program())
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return status


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
