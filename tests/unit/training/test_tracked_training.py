"""A training's data in MLflow."""

import mlflow
import pytest

from stresswatch.versions.model_version import VERSION_FILES, Manifest
from tests.unit.training.container import files_of, lines, put_parameters, put_posts, run
from training_jobs.model.evaluation import CURVES


def tracked_runs(address):
    client = mlflow.MlflowClient(address)
    experiment = client.get_experiment_by_name("stress-model")
    return client, client.search_runs([experiment.experiment_id])


@pytest.fixture
def address(tmp_path, monkeypatch):
    address = f"sqlite:///{tmp_path}/mlflow/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    return address


def test_a_run_is_tracked_with_its_metrics_and_files(container, labelled_posts, address):
    put_posts(container, lines(labelled_posts))
    put_parameters(container, version="v1", dataset_sha256="d" * 64, seed="5")
    assert run(container) == 0
    client, (record,) = tracked_runs(address)
    assert (record.info.run_name, record.info.status) == ("v1", "FINISHED")
    assert record.data.params["seed"] == "5"
    assert record.data.tags["dataset_sha256"] == "d" * 64
    overall = Manifest.from_bytes(files_of(container)["manifest.json"]).metrics["overall"]
    assert record.data.metrics["f1"] == overall["f1"]
    search = Manifest.from_bytes(files_of(container)["manifest.json"]).search
    assert record.data.params["number_weight"] == str(search["number_weight"])
    assert record.data.tags["number_weight_reason"] == search["reason"]
    assert record.data.metrics["search/number_weight_1/brier"] == search["trials"][-1]["brier"]
    assert record.data.metrics["interval/f1_low"] == overall["intervals"]["f1"][0]
    assert "slice/ptsd/brier" in record.data.metrics
    files = {
        file.path
        for folder in ("curves", "version")
        for file in client.list_artifacts(record.info.run_id, folder)
    }
    assert files == {f"curves/{name}" for name in CURVES} | {
        f"version/{name}" for name in VERSION_FILES if name != "reference.parquet"
    }


def test_a_failed_run_is_tracked_without_post_text(container, labelled_posts, address, monkeypatch):
    def explode(*arguments):
        raise RuntimeError(labelled_posts[0].post.text)

    monkeypatch.setattr("training_jobs.model.train.fit_pipeline", explode)
    put_posts(container, lines(labelled_posts))
    assert run(container) == 1
    _, (record,) = tracked_runs(address)
    assert record.info.status == "FAILED"
    assert labelled_posts[0].post.text not in str(record)


def test_a_tracking_failure_does_not_stop_the_training(
    container, labelled_posts, monkeypatch, caplog
):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "no-such-scheme://address")
    put_posts(container, lines(labelled_posts))
    assert run(container) == 0
    assert set(files_of(container)) == set(VERSION_FILES)
    assert "MLflow did not take the run" in caplog.text


def test_without_an_address_the_log_says_the_run_is_not_tracked(
    container, labelled_posts, monkeypatch, caplog
):
    caplog.set_level("INFO")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    put_posts(container, lines(labelled_posts))
    assert run(container) == 0
    assert "not tracked: MLFLOW_TRACKING_URI is not set" in caplog.messages
