"""`make mlflow`: where the page is, and why it cannot be served."""

import json
import socket
import sys
from contextlib import contextmanager

import pytest
from werkzeug.wrappers import Request, Response

from cli import mlflow_page
from cli.errors import OperatorError
from docs.browser import serving
from local.emulator.server import free_port


@contextmanager
def recorded(*names):
    """Serve MLflow's answer about experiments, by name; yield its address and what was asked."""
    asked = []

    @Request.application
    def server(request):
        asked.append((request.path, request.get_json()["order_by"]))
        found = [{"name": name, "experiment_id": str(i)} for i, name in enumerate(names)]
        return Response(json.dumps({"experiments": found}), content_type="application/json")

    with serving(server) as url:
        yield url, asked


def test_each_experiments_address_opens_its_training_runs():
    with recorded("Default", "stress-demo", "stress-model") as (url, asked):
        found = mlflow_page.experiments(int(url.rpartition(":")[2]))
    assert list(found) == ["stress-demo", "stress-model"]
    assert found["stress-demo"] == f"{url}/#/experiments/1/runs?workflowType=machine_learning"
    assert asked == [("/api/2.0/mlflow/experiments/search", ["creation_time DESC"])]


@pytest.mark.parametrize("names", [(), ("stress-demo", "stress-model")])
def test_only_addresses_of_training_runs_are_printed(names):
    with recorded("Default", *names) as (url, _):
        printed = mlflow_page.lines(int(url.rpartition(":")[2]))
    addresses = [line.split()[-1] for line in printed if "http" in line]
    assert len(addresses) == len(names)
    assert all("/runs?workflowType=machine_learning" in one for one in addresses)
    assert len(printed) == max(len(names), 1) + 1


def test_without_a_server_the_error_says_what_to_run():
    with pytest.raises(OperatorError, match=r"Connection refused.*`make mlflow` in another"):
        mlflow_page.experiments(free_port())


def test_a_taken_port_is_named_with_the_remedy(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        expected = rf"Port {port} of 127\.0\.0\.1 .*in use\); set MLFLOW_PORT to another\."
        with pytest.raises(OperatorError, match=expected), mlflow_page.serving(port, tmp_path):
            pass


def test_a_server_that_does_not_start_is_reported(tmp_path, monkeypatch):
    command = [sys.executable, "-c", "raise SystemExit(3)"]
    monkeypatch.setattr(mlflow_page, "_command", lambda port, store: command)
    with (
        pytest.raises(OperatorError, match="did not start, and ended with 3"),
        mlflow_page.serving(free_port(), tmp_path),
    ):
        pass
