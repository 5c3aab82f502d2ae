"""Serve MLflow's page of the trainings on this machine, for `make mlflow`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Annotated
from urllib.error import URLError

import typer

from cli.bad_values import Command
from cli.console import console, errors_in_a_sentence
from cli.deployment.client import wait_for
from cli.deployment.target import TRACKING_DIRECTORY
from cli.errors import OperatorError
from cli.local_page import HOST, bind

PORT, PORT_VARIABLE = 5000, "MLFLOW_PORT"
_VIEW = "workflowType=machine_learning"
"""MLflow opens its view of language models without it."""
_EMPTY = "Default"
"""The experiment that MLflow makes itself."""
_MOST = 100
_ANSWER_SECONDS = 10.0
_QUIET = {
    "DO_NOT_TRACK": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    # Its jobs judge answers of language models: without them it takes half of the time to start.
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "PYTHONWARNINGS": "ignore",
}
_START_SECONDS = 600.0
"""Limit for a start; the first one fetches MLflow's packages."""


def chosen_port() -> int:
    """Return the port that the environment names."""
    return int(os.environ.get(PORT_VARIABLE, PORT))


def experiments(port: int) -> dict[str, str]:
    """Return the addresses of experiments by name, the newest first, in the view of trainings.

    Raises
    ------
    OperatorError
        When no server answers at the port.
    """
    wanted = json.dumps({"max_results": _MOST, "order_by": ["creation_time DESC"]}).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(
        f"http://{HOST}:{port}/api/2.0/mlflow/experiments/search", wanted, headers
    )
    try:
        with urllib.request.urlopen(request, timeout=_ANSWER_SECONDS) as answer:  # noqa: S310
            found = json.load(answer)["experiments"]
    except (URLError, TimeoutError) as error:
        raise OperatorError(
            f"MLflow was not reached at port {port} of {HOST} ({getattr(error, 'reason', error)}); "
            f"run `make mlflow` in another terminal, with the same {PORT_VARIABLE}."
        ) from error
    return {
        one["name"]: f"http://{HOST}:{port}/#/experiments/{one['experiment_id']}/runs?{_VIEW}"
        for one in found
        if one["name"] != _EMPTY
    }


@contextmanager
def serving(port: int, store: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Start MLflow's server on the records in a folder, wait until it answers, and stop it.

    Raises
    ------
    OperatorError
        When the port is taken, or the server does not start.
    """
    bind(port, f"set {PORT_VARIABLE} to another").close()
    store.mkdir(parents=True, exist_ok=True)
    # In a session of its own: at Ctrl-C, it would print where it was interrupted.
    with subprocess.Popen(  # noqa: S603
        _command(port, store), env=os.environ | _QUIET, start_new_session=True
    ) as server:
        try:
            wait_for("MLflow's server", lambda: _is_up(server, port), _START_SECONDS)
            yield server
        finally:
            with suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGTERM)


def _command(port: int, store: Path) -> list[str]:
    """Run the server of the client's version in its own environment (decision 7)."""
    uv = str(Path(sys.executable).with_name("uv"))
    package = f"mlflow=={version('mlflow-skinny')}"
    return [
        *(uv, "tool", "run", "--python", sys.executable, "--from", package),
        *("mlflow", "server", "--workers", "1", "--host", HOST, "--port", str(port)),
        *("--backend-store-uri", f"sqlite:///{store.resolve()}/mlflow.db"),
        *("--uvicorn-opts", "--log-level warning"),
    ]


def _is_up(server: subprocess.Popen[bytes], port: int) -> bool | None:
    """Return whether the server answers yet."""
    if server.poll() is not None:
        raise OperatorError(
            f"MLflow's server did not start, and ended with {server.returncode}; its messages are "
            "above. Its packages come from PyPI when it starts for the first time."
        )
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/health", timeout=_ANSWER_SECONDS):
            return True
    except (URLError, TimeoutError):
        return None


def lines(port: int) -> list[str]:
    """Say where each experiment's runs are; MLflow's first page is about language models."""
    found = experiments(port)
    runs = [f"Training runs of {name}: {address}" for name, address in found.items()]
    nothing = "Training runs appear here after `make demo` or `stresswatch retrain --local`."
    return [*(runs or [nothing]), "MLflow is running (Ctrl-C to stop)"]


def main(
    port: Annotated[int, typer.Option(envvar=PORT_VARIABLE, min=1, max=65535)] = PORT,
) -> None:
    """Serve MLflow's page until Ctrl-C."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with errors_in_a_sentence(), suppress(KeyboardInterrupt):
        with serving(port, TRACKING_DIRECTORY) as server:
            for line in lines(port):
                console.print(line, markup=False, highlight=False, soft_wrap=True)
            ended = server.wait()
        raise OperatorError(f"MLflow's server ended with {ended}; its messages are above.")


if __name__ == "__main__":
    app = typer.Typer(add_completion=False)
    app.command(cls=Command)(main)
    app()
