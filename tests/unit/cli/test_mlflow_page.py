"""`make mlflow`: where the page is, and why it cannot be served."""

import json
import socket
import sys

import pytest
from werkzeug.wrappers import Request, Response

from cli import mlflow_page
from cli.errors import OperatorError
from docs.browser import serving
from local.emulator.server import free_port


def test_each_experiment_s_address_opens_the_view_of_trainings():
    asked = []

    @Request.application
    def server(request):
        asked.append((request.path, request.get_json()["order_by"]))
        names = [("Default", "0"), ("stress-demo", "2"), ("stress-model", "1")]
        found = [{"name": name, "experiment_id": number} for name, number in names]
        return Response(json.dumps({"experiments": found}), content_type="application/json")

    with serving(server) as url:
        port = int(url.rpartition(":")[2])
        found = mlflow_page.experiments(port)
    assert list(found) == ["stress-demo", "stress-model"]
    assert found["stress-demo"] == f"{url}/#/experiments/2/runs?workflowType=machine_learning"
    assert asked == [("/api/2.0/mlflow/experiments/search", ["creation_time DESC"])]


def test_without_a_server_the_error_says_what_to_run():
    with pytest.raises(OperatorError, match=r"Connection refused.*run `make mlflow` meanwhile"):
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
