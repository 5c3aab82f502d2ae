"""Data sent to MLflow, and the behaviour without an answer."""

import socket
import subprocess
import sys

import mlflow
import pytest

from stresswatch.aws.identifiers import METRIC_NAME
from training_jobs.model.tracking import Tracker, evaluation_metrics


@pytest.fixture
def address(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")  # MLflow sets it, and other tests must not see
    return f"sqlite:///{tmp_path}/mlflow/mlflow.db"


@pytest.fixture
def records(address):
    """The runs of the experiment "trials", by name."""

    def read():
        client = mlflow.MlflowClient(address)
        experiment = client.get_experiment_by_name("trials")
        runs = client.search_runs([experiment.experiment_id])
        return {run.info.run_name: run for run in runs}

    return read


def test_a_run_records_its_parameters_metrics_tags_and_files(address, records, tmp_path):
    with Tracker(address, "trials").run("first") as run:
        run.log(
            parameters={"k": 5, "penalty": "l2"},
            metrics={"f1": 0.8},
            tags={"dataset_sha256": "d" * 64},
            files={"curves/roc.png": b"picture", "model.npz": b"arrays"},
        )
    record = records()["first"]
    assert record.info.status == "FINISHED"
    assert record.data.params == {"k": "5", "penalty": "l2"}
    assert record.data.metrics == {"f1": 0.8}
    assert record.data.tags["dataset_sha256"] == "d" * 64
    (folder,) = (tmp_path / "mlflow" / "files").glob("*/artifacts")
    assert (folder / "curves" / "roc.png").read_bytes() == b"picture"
    assert (folder / "model.npz").read_bytes() == b"arrays"


def test_runs_of_one_tracker_share_an_experiment(address, records):
    tracker = Tracker(address, "trials")
    for name in ("first", "second"):
        with tracker.run(name) as run:
            run.log(metrics={"f1": 0.5})
    assert set(records()) == {"first", "second"}


def test_an_experiment_is_tagged_as_model_training(address):
    with Tracker(address, "trials").run("first"):
        pass
    tags = mlflow.MlflowClient(address).get_experiment_by_name("trials").tags
    assert tags["mlflow.experimentKind"] == "custom_model_development"


def test_a_failing_run_is_recorded_and_its_error_reraised(address, records):
    def train():
        with Tracker(address, "trials").run("broken"):
            raise KeyError("posts")

    with pytest.raises(KeyError, match="posts"):
        train()
    assert records()["broken"].info.status == "FAILED"


def test_invalid_mlflow_names_are_encoded(address, records):
    with Tracker(address, "trials").run("odd") as run:
        run.log(metrics={"slice/r|café?/f1": 0.5})
    assert records()["odd"].data.metrics == {"slice/r.7Ccaf.C3.A9.3F/f1": 0.5}


def test_without_an_address_the_log_says_once_it_is_not_tracked(caplog):
    caplog.set_level("INFO")
    tracker = Tracker(None, "trials")
    for name in ("first", "second"):
        with tracker.run(name) as run:
            run.log(metrics={"f1": 0.5}, files={"a": b"b"})
    assert caplog.messages == ["not tracked: MLFLOW_TRACKING_URI is not set"]


def test_a_failed_upload_keeps_the_rest_of_the_record(address, records, monkeypatch, caplog):
    def refuse(*arguments, **options):
        raise PermissionError("no upload")

    monkeypatch.setattr(mlflow.MlflowClient, "log_artifacts", refuse)
    with Tracker(address, "trials").run("bare") as run:
        run.log(metrics={"f1": 0.8}, files={"model.npz": b"arrays"})
    assert records()["bare"].info.status == "FINISHED"
    assert records()["bare"].data.metrics == {"f1": 0.8}
    assert "MLflow did not take files: PermissionError; going on" in caplog.messages


def test_an_unreachable_server_is_tried_once_and_training_goes_on(monkeypatch, caplog):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    tracker = Tracker(f"http://127.0.0.1:{port}", "trials")
    for name in ("first", "second"):
        with tracker.run(name) as run:
            run.log(metrics={"f1": 0.5})
    assert [message for message in caplog.messages if "did not take" in message] == [
        "MLflow did not take the run: MlflowException; going on"
    ]


def test_a_silent_server_does_not_block_the_training(monkeypatch, caplog):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        tracker = Tracker(f"http://127.0.0.1:{silent.getsockname()[1]}", "trials", 0.2)
        with tracker.run("first") as run:
            run.log(metrics={"f1": 0.5})
    # It stopped at its own deadline: without one, the test would hang here.
    assert "MLflow did not take the run: TimeoutError; going on" in caplog.messages


def test_a_tracking_failure_is_logged_by_type_only(caplog):
    def fail():
        raise ValueError("a post's text")

    tracker = Tracker("http://127.0.0.1:1", "trials")
    assert tracker.attempt("values", fail) is None
    assert "MLflow did not take values: ValueError; going on" in caplog.messages
    assert "a post's text" not in caplog.text


def test_mlflow_is_not_imported_without_an_address():
    program = (
        "import sys\n"
        "from training_jobs.model.tracking import Tracker\n"
        "with Tracker(None, 'trials').run('first') as run: run.log(metrics={'f1': 0.5})\n"
        "sys.exit('mlflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_each_metric_of_an_evaluation_has_its_own_name():
    quality = {"posts": 9, "f1": 0.8, "roc_auc": None, "intervals": {"f1": (0.7, 0.9)}}
    assert evaluation_metrics({"overall": quality, "slices": {"ptsd": quality}}) == {
        "posts": 9,
        "f1": 0.8,
        "interval/f1_low": 0.7,
        "interval/f1_high": 0.9,
        "slice/ptsd/posts": 9,
        "slice/ptsd/f1": 0.8,
        "slice/ptsd/interval/f1_low": 0.7,
        "slice/ptsd/interval/f1_high": 0.9,
    }


COMMUNITIES = [
    "r/ptsd",
    "r_ptsd",
    "Épicerie",
    "épicerie",
    "日本",
    "a/b",
    "a.2Fb",
    " ",
    "..",
    "😀" * 256,
]


def test_communities_never_share_an_mlflow_metric(address, records):
    quality = {"f1": 0.0, "intervals": {"calibration_error": (0.1, 0.2)}}
    slices = {
        name: quality | {"f1": place / 100} for place, name in enumerate(COMMUNITIES, start=1)
    }
    metrics = evaluation_metrics({"overall": quality, "slices": slices})
    with Tracker(address, "trials").run("communities") as run:
        run.log(metrics=metrics)
    found = records()["communities"].data.metrics
    assert found == metrics
    assert len(found) == 3 * (len(COMMUNITIES) + 1)
    assert {METRIC_NAME.decode(name.split("/")[1]) for name in found if "slice/" in name} >= {
        name for name in COMMUNITIES if len(name) < 100
    }


def test_an_evaluation_of_many_communities_is_recorded_whole(address, records):
    metrics = {f"slice/{place}/f1": place / 2000 for place in range(1500)}
    with Tracker(address, "trials").run("many") as run:
        run.log(metrics=metrics, tags={f"tag {place}": "value" for place in range(150)})
    record = records()["many"]
    assert record.data.metrics == metrics
    assert sum(name.startswith("tag ") for name in record.data.tags) == 150
